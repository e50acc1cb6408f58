import { execFile, execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type CopyOptions,
  copyImage,
  login,
  openDestination,
  openSource,
  parseLocation,
  type RegistryOptions,
} from "../../src/image/index.ts";
import { bundle } from "../support/as-user.ts";
import { DockerEngine, hasDocker } from "../support/docker-engine.ts";
import { DockerRegistry, hasDockerRegistry } from "../support/docker-registry.ts";
import { auditEachTest } from "../support/leaks.ts";
import { installed, requires } from "../support/prerequisite.ts";
import { makeRoot } from "../support/rootfs.ts";

const available = requires("docker-registry", hasDockerRegistry, "a real registry is pulled from and pushed to");
const skopeoThere = requires("skopeo", installed("skopeo"), "what we push it pulls, and the other way round");
const umociThere = requires("umoci", installed("umoci"), "it makes the images");
const dockerThere = requires("dockerd", hasDocker, "docker save and docker load, both ways");

const run = promisify(execFile);
const ME = { name: "me", password: "pass:word" };
const place = mkdtempSync(`${tmpdir()}/ct-registry-`);
afterAll(() => rmSync(place, { recursive: true }));

/** Copies from one location to another, as users write them. */
async function copy(from: string, to: string, options: RegistryOptions & CopyOptions = {}): Promise<string> {
  const { platform, ...registry } = options;
  const source = await openSource(parseLocation(from), registry);
  const destination = await openDestination(parseLocation(to), registry).catch(async (error: unknown) => {
    await source.close?.();
    throw error;
  });
  try {
    return (await copyImage(source, destination, { platform })).manifest.descriptor.digest;
  } finally {
    for (const end of [source, destination]) await end.close?.();
  }
}

/** The digests of what a layout holds; each file is what its name says. */
function digestsIn(layout: string): readonly string[] {
  const names = readdirSync(`${layout}/blobs/sha256`).sort();
  for (const name of names) {
    expect(execFileSync("sha256sum", [`${layout}/blobs/sha256/${name}`], { encoding: "utf8" }).slice(0, 64)).toBe(name);
  }
  return names;
}

const manifestOf = (layout: string): string =>
  (JSON.parse(readFileSync(`${layout}/index.json`, "utf8")) as { manifests: { digest: string }[] }).manifests[0]
    ?.digest ?? "";

/** An image of two layers that umoci makes: a busybox, and some megabytes that do not compress. */
function makeLayout(layout: string): void {
  const root = makeRoot(`${place}/root`);
  writeFileSync(`${place}/random`, randomBytes(5_000_000));
  execFileSync("tar", ["-C", root, "-cf", `${place}/root.tar`, "."]);
  execFileSync("tar", ["-C", place, "-cf", `${place}/random.tar`, "random"]);
  const image = ["--image", `${layout}:v1`];
  const umoci = (...words: readonly string[]) => execFileSync("umoci", words, { stdio: "pipe" });
  umoci("init", "--layout", layout);
  umoci("new", ...image);
  for (const tar of ["root.tar", "random.tar"]) umoci("raw", "add-layer", ...image, `${place}/${tar}`);
  umoci("config", ...image, "--config.cmd", "/bin/echo", "--config.cmd", "it runs");
  umoci("gc", "--layout", layout);
}

/** Registers a test that makes sense for some registries only; for the others it is no test that was left out. */
const whenThere = (present: boolean): ((name: string, test: () => Promise<void>) => void) =>
  present ? it : () => undefined;

const FORMS = [
  ["without anything", {}],
  ["with passwords", { user: ME }],
  ["with passwords and TLS", { user: ME, tls: true }],
] as const;

describe.runIf(available && skopeoThere && umociThere).each(FORMS)("docker-registry %s", (label, form) => {
  const layout = `${place}/layout`;
  const directory = `${place}/${label.replaceAll(" ", "-")}`;
  let registry: DockerRegistry;
  let options: RegistryOptions;
  let skopeo: (...words: readonly string[]) => Promise<string>;

  beforeAll(async () => {
    if (!existsSync(layout)) makeLayout(layout);
    registry = await DockerRegistry.start(directory, form);
    const tls = "tls" in form;
    if (tls) {
      mkdirSync(`${directory}/certs`);
      copyFileSync(registry.ca, `${directory}/certs/ca.crt`);
    }
    options = {
      env: { HOME: directory },
      ...("user" in form && { credentials: { username: ME.name, password: ME.password } }),
      ...(tls && { certificates: `${directory}/certs` }),
    };
    skopeo = async (...words) => {
      const [verb = "", ...rest] = words;
      const which = verb === "copy" ? (words.at(-1)?.startsWith("docker:") ? "--dest-" : "--src-") : "--";
      const trust = tls ? [`${which}cert-dir=${directory}/certs`] : [`${which}tls-verify=false`];
      const creds = "user" in form ? [`${which}creds=${ME.name}:${ME.password}`] : [];
      return (await run("skopeo", [verb, ...trust, ...creds, ...rest])).stdout;
    };
  });
  afterAll(() => registry?.stop());
  auditEachTest();

  it("gives us what skopeo has pushed", async () => {
    await skopeo("copy", "--quiet", `oci:${layout}:v1`, `docker://${registry.host}/theirs:v1`);
    const digest = await copy(`${registry.host}/theirs:v1`, `oci:${directory}/pulled:v1`, options);
    expect(digest).toBe(manifestOf(layout));
    expect(digestsIn(`${directory}/pulled`)).toEqual(digestsIn(layout));
    const byDigest = await copy(`${registry.host}/theirs@${digest}`, `oci:${directory}/by-digest`, options);
    expect(byDigest).toBe(digest);
  });

  it("gives skopeo what we have pushed, in one piece or several", async () => {
    for (const [name, chunkSize] of [
      ["whole", undefined],
      ["pieces", 1_000_000],
    ] as const) {
      await copy(`oci:${layout}:v1`, `${registry.host}/ours/${name}:v1`, { ...options, chunkSize });
      await skopeo("copy", "--quiet", `docker://${registry.host}/ours/${name}:v1`, `oci:${directory}/${name}:v1`);
      expect(manifestOf(`${directory}/${name}`)).toBe(manifestOf(layout));
      expect(digestsIn(`${directory}/${name}`)).toEqual(digestsIn(layout));
    }
  });

  it("copies from one of its repositories to another", async () => {
    await copy(`oci:${layout}:v1`, `${registry.host}/from:v1`, options);
    const digest = await copy(`${registry.host}/from:v1`, `${registry.host}/deep/er/to:v2`, options);
    const raw = await skopeo("inspect", "--raw", `docker://${registry.host}/deep/er/to:v2`);
    expect(raw).toBe(readFileSync(`${layout}/blobs/sha256/${digest.slice(7)}`, "utf8"));
  });

  it("says that there is no such image", async () => {
    const missing = copy(`${registry.host}/theirs:none`, `oci:${directory}/none`, options);
    await expect(missing).rejects.toMatchObject({
      code: "ERR_CT_NO_SUCH_IMAGE",
      message: expect.stringContaining("MANIFEST_UNKNOWN"),
    });
    expect(existsSync(`${directory}/none`)).toBe(false);
  });

  whenThere("user" in form)("lets in who is logged in, whoever has kept the password", async () => {
    await skopeo("copy", "--quiet", `oci:${layout}:v1`, `docker://${registry.host}/private:v1`);
    const { credentials: _, ...anonymous } = options;
    const from = `${registry.host}/private:v1`;
    await expect(copy(from, `oci:${directory}/a`, anonymous)).rejects.toMatchObject({ code: "ERR_CT_UNAUTHORIZED" });
    const wrong = { ...options, credentials: { username: ME.name, password: "wrong" } };
    await expect(copy(from, `oci:${directory}/b`, wrong)).rejects.toMatchObject({ code: "ERR_CT_UNAUTHORIZED" });
    await expect(login(registry.host, ME.name, "wrong", anonymous)).rejects.toMatchObject({
      code: "ERR_CT_UNAUTHORIZED",
    });
    await login(registry.host, ME.name, ME.password, anonymous);
    await copy(from, `oci:${directory}/c`, anonymous);
    // What we keep skopeo takes, and what skopeo keeps we take.
    const trust = "tls" in form ? `--cert-dir=${directory}/certs` : "--tls-verify=false";
    await run("skopeo", ["inspect", trust, `--authfile=${directory}/.docker/config.json`, `docker://${from}`]);
    const file = `${directory}/theirs.json`;
    await run("skopeo", ["login", trust, `--authfile=${file}`, "-u", ME.name, "-p", ME.password, registry.host]);
    await copy(from, `oci:${directory}/d`, { ...anonymous, authFile: file });
  });

  whenThere("user" in form)("is logged in to and out of on the command line", async () => {
    const program = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
    const bun = fileURLToPath(new URL("../../node_modules/.bin/bun", import.meta.url));
    const home = `${directory}/cli`;
    const trust = "tls" in form ? [`--cert-dir=${directory}/certs`] : [];
    const ct = (input: string, ...words: readonly string[]) =>
      spawnSync(bun, [program, ...words], { input, encoding: "utf8", env: { PATH: process.env.PATH, HOME: home } });
    const wrong = ct("wrong\n", "login", "-u", ME.name, "--password-stdin", ...trust, registry.host);
    expect([wrong.status, wrong.stdout]).toEqual([125, ""]);
    expect(wrong.stderr).toMatch(/^ct: 127\.0\.0\.1:\d+: the registry does not allow it: .*\n$/);
    expect(existsSync(`${home}/.docker/config.json`)).toBe(false);
    const right = ct(`${ME.password}\n`, "login", "-u", ME.name, "--password-stdin", ...trust, registry.host);
    expect([right.status, right.stderr]).toEqual([0, ""]);
    expect(right.stdout).toContain(`logged in to ${registry.host}`);
    expect(statSync(`${home}/.docker/config.json`).mode & 0o777).toBe(0o600);
    const { credentials: _, ...anonymous } = options;
    await copy(`oci:${layout}:v1`, `${registry.host}/cli:v1`, { ...anonymous, env: { HOME: home } });
    expect(ct("", "login", registry.host).stderr).toContain("there is no terminal to ask for credentials at");
    expect(ct("", "logout", registry.host).stdout).toBe(`logged out of ${registry.host}\n`);
    expect(ct("", "logout", "--json", registry.host).stdout).toBe(
      `${JSON.stringify({ registry: registry.host, removed: false })}\n`,
    );
    expect(ct("", "login", "team").stderr).toContain("is no registry");
  });

  whenThere("tls" in form)("is not trusted without its authority, unless one wants to", async () => {
    await skopeo("copy", "--quiet", `oci:${layout}:v1`, `docker://${registry.host}/tls:v1`);
    const { certificates: _, ...strict } = options;
    const from = `${registry.host}/tls:v1`;
    await expect(copy(from, `oci:${directory}/x`, strict)).rejects.toThrow(
      new RegExp(`the certificate of ${registry.host} is not accepted.*/etc/docker/certs.d/${registry.host}/ca.crt`),
    );
    await copy(from, `oci:${directory}/y`, { ...strict, insecure: true });
    mkdirSync(`${directory}/.docker/certs.d/${registry.host}`, { recursive: true });
    copyFileSync(registry.ca, `${directory}/.docker/certs.d/${registry.host}/registry.crt`);
    await copy(from, `oci:${directory}/z`, strict);
  });

  it("is the same under Bun", async () => {
    await copy(`oci:${layout}:v1`, `${registry.host}/bun:v1`, options);
    const program = fileURLToPath(new URL("../../src/image/index.ts", import.meta.url));
    mkdirSync(`${directory}/script`);
    const script = bundle(
      `import { copyImage, openDestination, openSource, parseLocation } from ${JSON.stringify(program)};
       const [from = "", to = "", options = "{}"] = process.argv.slice(2);
       const ends = [await openSource(parseLocation(from), JSON.parse(options)), await openDestination(parseLocation(to), JSON.parse(options))] as const;
       console.log((await copyImage(...ends)).manifest.descriptor.digest);
       for (const end of ends) await end.close?.();`,
      `${directory}/script`,
    );
    const bun = fileURLToPath(new URL("../../node_modules/.bin/bun", import.meta.url));
    const words = [`${registry.host}/bun:v1`, `oci:${directory}/bun:v1`];
    const pulled = await run(bun, [script, ...words, JSON.stringify(options)]);
    expect(pulled.stdout.trim()).toBe(manifestOf(layout));
    const pushed = await run(bun, [
      script,
      `oci:${directory}/bun:v1`,
      `${registry.host}/bun-pushed:v1`,
      JSON.stringify(options),
    ]);
    expect(pushed.stdout.trim()).toBe(manifestOf(layout));
    expect(digestsIn(`${directory}/bun`)).toEqual(digestsIn(layout));
  });
});

const zstdThere = requires("zstd", installed("zstd"), "archives may be compressed with it");

describe.runIf(skopeoThere && umociThere && zstdThere)("archives", () => {
  const layout = `${place}/layout`;
  const at = (name: string) => `${place}/${name}`;
  beforeAll(() => {
    if (!existsSync(layout)) makeLayout(layout);
  });
  auditEachTest();

  it("of ours are read by skopeo, with the same digests", async () => {
    await copy(`oci:${layout}:v1`, `oci-archive:${at("ours-oci.tar")}:v1`);
    await copy(`oci:${layout}:v1`, `docker-archive:${at("ours-docker.tar")}:app:v1`);
    await run("skopeo", ["copy", "--quiet", `oci-archive:${at("ours-oci.tar")}:v1`, `oci:${at("back-oci")}:v1`]);
    expect(digestsIn(at("back-oci"))).toEqual(digestsIn(layout));
    const config = await run("skopeo", [
      "inspect",
      "--config",
      "--raw",
      `docker-archive:${at("ours-docker.tar")}:app:v1`,
    ]);
    const ours = await run("skopeo", ["inspect", "--config", "--raw", `oci:${layout}:v1`]);
    expect(config.stdout).toBe(ours.stdout);
  });

  it("of skopeo are read by us, with the same content", async () => {
    await run("skopeo", ["copy", "--quiet", `oci:${layout}:v1`, `oci-archive:${at("their-oci.tar")}:v1`]);
    await run("skopeo", ["copy", "--quiet", `oci:${layout}:v1`, `docker-archive:${at("their-docker.tar")}:app:v1`]);
    expect(await copy(`archive:${at("their-oci.tar")}`, `oci:${at("from-oci")}:v1`)).toBe(manifestOf(layout));
    await copy(`archive:${at("their-docker.tar")}`, `oci:${at("from-docker")}:v1`);
    execFileSync("zstd", ["--quiet", "-1", at("their-docker.tar"), "-o", at("their-docker.tar.zst")]);
    await copy(`archive:${at("their-docker.tar.zst")}`, `oci:${at("from-zstd")}:v1`);
    expect(digestsIn(at("from-zstd"))).toEqual(digestsIn(at("from-docker")));
    const [one, two] = [at("from-docker"), layout].map((from) =>
      execFileSync("skopeo", ["inspect", "--config", "--raw", `oci:${from}:v1`], { encoding: "utf8" }),
    );
    expect(one).toBe(two);
    execFileSync("umoci", ["unpack", "--rootless", "--image", `${at("from-docker")}:v1`, at("bundle")], {
      stdio: "pipe",
    });
    expect(existsSync(`${at("bundle")}/rootfs/random`)).toBe(true);
  });

  it("with layers of zstd and indexes are the same for both", async () => {
    await run("skopeo", [
      "copy",
      "--quiet",
      "--dest-compress-format=zstd",
      "--format=oci",
      `oci:${layout}:v1`,
      `dir:${at("zstd-dir")}`,
    ]);
    await run("skopeo", ["copy", "--quiet", `dir:${at("zstd-dir")}`, `oci:${at("zstd")}:v1`]);
    await copy(`oci:${at("zstd")}:v1`, `oci-archive:${at("zstd.tar")}:v1`);
    await run("skopeo", ["copy", "--quiet", `oci-archive:${at("zstd.tar")}:v1`, `oci:${at("zstd-back")}:v1`]);
    expect(digestsIn(at("zstd-back"))).toEqual(digestsIn(at("zstd")));
  });
});

describe.runIf(dockerThere && umociThere)("a running Docker", () => {
  const layout = `${place}/layout`;
  let engine: DockerEngine;
  beforeAll(async () => {
    if (!existsSync(layout)) makeLayout(layout);
    engine = await DockerEngine.start({ flags: ["--bridge=none", "--iptables=false", "--ip6tables=false"] });
    process.env.DOCKER_HOST = engine.socket;
  });
  afterAll(async () => {
    delete process.env.DOCKER_HOST;
    expect(await engine?.stop(), "left behind by the engine").toEqual([]);
  });

  it("takes what we copy to it, and runs it", async () => {
    await copy(`oci:${layout}:v1`, "docker-daemon:ours:v1");
    expect(await engine.ask("run", "--rm", "--net=none", "ours:v1")).toBe("it runs");
    const manifest = JSON.parse(readFileSync(`${layout}/blobs/sha256/${manifestOf(layout).slice(7)}`, "utf8")) as {
      config: { digest: string };
    };
    expect(await engine.ask("image", "inspect", "--format={{.Id}}", "ours:v1")).toBe(manifest.config.digest);
  });

  it("loads our archives, and we its own, with the same configuration", async () => {
    await copy(`oci:${layout}:v1`, `docker-archive:${place}/load.tar:loaded:v2`);
    expect(await engine.ask("load", "--input", `${place}/load.tar`)).toContain("loaded:v2");
    const id = await engine.ask("image", "inspect", "--format={{.Id}}", "loaded:v2");
    await engine.ask("save", "--output", `${place}/saved.tar`, "loaded:v2");
    execFileSync("gzip", ["--fast", "--keep", `${place}/saved.tar`]);
    for (const [name, from] of [
      ["plain", `archive:${place}/saved.tar`],
      ["gzip", `archive:${place}/saved.tar.gz`],
      ["legacy", `docker-archive:${place}/saved.tar:loaded:v2`],
      ["daemon", "docker-daemon:loaded:v2"],
    ] as const) {
      await copy(from, `oci:${place}/docker-${name}:v1`);
      const manifest = JSON.parse(
        readFileSync(`${place}/docker-${name}/blobs/sha256/${manifestOf(`${place}/docker-${name}`).slice(7)}`, "utf8"),
      ) as { config: { digest: string } };
      expect(manifest.config.digest, name).toBe(id);
    }
  });

  it("says what docker says when there is no such image", async () => {
    await expect(copy("docker-daemon:nothing:v1", `oci:${place}/nothing`)).rejects.toThrow(
      /docker save nothing:v1: .*(No such image|does not exist|reference)/,
    );
    expect(existsSync(`${place}/nothing`)).toBe(false);
  });
});
