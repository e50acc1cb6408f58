import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findCredentials } from "../../../src/image/credentials/find.ts";
import { forgetCredentials, keepCredentials } from "../../../src/image/credentials/keep.ts";

let home = "";
let path: string | undefined;
beforeEach(() => {
  home = mkdtempSync(`${tmpdir()}/ct-credentials-`);
  path = process.env.PATH;
});
afterEach(() => {
  process.env.PATH = path;
  rmSync(home, { recursive: true });
});

const base64 = (text: string) => Buffer.from(text).toString("base64");
const options = () => ({ env: { HOME: home, XDG_RUNTIME_DIR: `${home}/run` } });
const find = (domain: string, repository = "team/app") => findCredentials({ domain, repository }, options());

function write(value: unknown, file = ".docker/config.json"): string {
  const full = `${home}/${file}`;
  mkdirSync(full.slice(0, full.lastIndexOf("/")), { recursive: true });
  writeFileSync(full, typeof value === "string" ? value : JSON.stringify(value));
  return full;
}

/** A helper that keeps what it is given in a file for each server. */
function installHelper(): void {
  const script = `#!/bin/sh
read -r line; cd ${home}; echo "$1 $line" >> log
case $1 in
get) file=$(echo "$line" | tr -c 'a-z0-9\\n' _); cat "secret-$file" 2>/dev/null || { echo "credentials not found in native keychain"; exit 1; } ;;
store) file=$(echo "$line" | sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/' | tr -c 'a-z0-9\\n' _); echo "$line" > "secret-$file" ;;
erase) file=$(echo "$line" | tr -c 'a-z0-9\\n' _); rm "secret-$file" ;;
esac
`;
  writeFileSync(`${home}/docker-credential-fake`, script);
  chmodSync(`${home}/docker-credential-fake`, 0o755);
  process.env.PATH = `${home}:${path}`;
}

describe("credentials are found", () => {
  it("in Docker's file, under any of the names that are used for a registry", async () => {
    write({
      auths: {
        "https://index.docker.io/v1/": { auth: base64("hub:p:w") },
        "https://old.example/v1/": { auth: base64("old:pw") },
        "plain.example:5000": { username: "plain", password: "pw" },
        "identity.example": { auth: base64("x:y"), identitytoken: "it" },
        "token.example": { registrytoken: "rt" },
        "empty.example": {},
      },
    });
    expect(await find("docker.io")).toEqual({ username: "hub", password: "p:w" });
    expect(await find("old.example")).toEqual({ username: "old", password: "pw" });
    expect(await find("plain.example:5000")).toEqual({ username: "plain", password: "pw" });
    expect(await find("identity.example")).toEqual({ identityToken: "it" });
    expect(await find("token.example")).toEqual({ registryToken: "rt" });
    expect(await find("empty.example")).toBeUndefined();
    expect(await find("plain.example")).toBeUndefined();
    expect(await find("evil-plain.example:5000")).toBeUndefined();
  });

  it("for the closest part of a repository's name, in podman's files too", async () => {
    write(
      { auths: { "quay.io": { auth: base64("all:pw") }, "quay.io/team": { auth: base64("team:pw") } } },
      "run/containers/auth.json",
    );
    expect(await find("quay.io")).toMatchObject({ username: "team" });
    expect(await find("quay.io", "teamwork/app")).toMatchObject({ username: "all" });
    expect(
      await findCredentials({ domain: "quay.io", repository: "x" }, { env: { REGISTRY_AUTH_FILE: `${home}/none` } }),
    ).toBeUndefined();
  });

  it("by helpers, one of a registry before that of all", async () => {
    installHelper();
    write({
      credsStore: "fake",
      credHelpers: { "other.example": "fake" },
      auths: { "file.example": { auth: base64("file:pw") } },
    });
    writeFileSync(`${home}/secret-r_example`, '{"ServerURL":"r.example","Username":"<token>","Secret":"t"}');
    writeFileSync(`${home}/secret-https___index_docker_io_v1_`, '{"Username":"hub","Secret":"pw"}');
    expect(await find("r.example")).toEqual({ identityToken: "t" });
    expect(await find("docker.io")).toEqual({ username: "hub", password: "pw" });
    expect(await find("file.example")).toEqual({ username: "file", password: "pw" });
    expect(await find("other.example")).toBeUndefined();
  });

  it.each([
    ["{", "it is no JSON"],
    ["[]", "it is no JSON object"],
    [
      { auths: { "r.example": { auth: base64("no colon") } } },
      'auths["r.example"].auth is not USER:PASSWORD in base64',
    ],
    [{ credsStore: "missing" }, "docker-credential-missing cannot be executed: ENOENT"],
    [{ credsStore: "../../bin/sh" }, "is no name of a credential helper"],
  ])("unless what is written is wrong: %j", async (content, message) => {
    write(content);
    await expect(find("r.example")).rejects.toThrow(message);
  });
});

describe("a login", () => {
  it("is kept for nobody else to read, beside what else is in the file", async () => {
    const file = write({ HttpHeaders: { X: "1" }, auths: { other: { auth: "eDp5" } } });
    chmodSync(file, 0o644);
    expect(await keepCredentials("docker.io", "me", "pw", options())).toEqual({ path: file });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { HttpHeaders, auths } = JSON.parse(readFileSync(file, "utf8"));
    expect(HttpHeaders).toEqual({ X: "1" });
    expect(Object.keys(auths)).toEqual(["other", "https://index.docker.io/v1/"]);
    expect(await find("docker.io")).toEqual({ username: "me", password: "pw" });
    expect(await forgetCredentials("docker.io", options())).toBe(true);
    expect(await forgetCredentials("docker.io", options())).toBe(false);
    expect(await find("docker.io")).toBeUndefined();
    expect(readdirSync(`${home}/.docker`)).toEqual(["config.json"]);
  });

  it("are forgotten however their key is written", async () => {
    const other = { "other.example": { auth: base64("me:pw") } };
    for (const host of ["http://HOST", "https://HOST/", "https://HOST/v1", "https://HOST/v2/", "HOST/v2/", "HOST"]) {
      const key = host.replace("HOST", "r.example");
      write(JSON.stringify({ auths: { [key]: { auth: base64("me:pw") }, ...other } }));
      expect(await find("r.example"), key).toMatchObject({ username: "me" });
      expect(await forgetCredentials("r.example", options()), key).toBe(true);
      expect(await find("r.example"), key).toBeUndefined();
      expect(await find("other.example"), key).toMatchObject({ username: "me" });
    }
  });

  it("makes the file, and goes through a link to it", async () => {
    await keepCredentials("r.example", "me", "pw", options());
    expect(await find("r.example")).toMatchObject({ username: "me" });
    write("{}", "dotfiles/config.json");
    rmSync(`${home}/.docker/config.json`);
    symlinkSync("../dotfiles/config.json", `${home}/.docker/config.json`);
    await keepCredentials("r.example", "me", "pw", options());
    expect(lstatSync(`${home}/.docker/config.json`).isSymbolicLink()).toBe(true);
    expect(readFileSync(`${home}/dotfiles/config.json`, "utf8")).toContain("r.example");
  });

  it("goes to the helper that the file names, and no password into the file", async () => {
    installHelper();
    const file = write({ credsStore: "fake" });
    expect(await keepCredentials("r.example", "me", "secret", options())).toEqual({ helper: "fake" });
    expect(readFileSync(file, "utf8")).not.toContain(base64("me:secret"));
    expect(await find("r.example")).toEqual({ username: "me", password: "secret" });
    expect(await forgetCredentials("r.example", options())).toBe(true);
    expect(await find("r.example")).toBeUndefined();
  });
});
