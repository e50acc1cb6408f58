import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ORDINARY } from "../support/as-user.ts";
import { builtBinaries } from "../support/binaries.ts";
import { DockerEngine, hasDocker } from "../support/docker-engine.ts";
import { DockerRegistry, hasDockerRegistry } from "../support/docker-registry.ts";
import { auditEachTest } from "../support/leaks.ts";
import { imageArchive } from "../support/oci-archive.ts";
import { installed, requires } from "../support/prerequisite.ts";
import { temporaryDirectory } from "../support/rootfs.ts";

const registryThere = requires("docker-registry", hasDockerRegistry, "images are pulled from it and pushed to it");
const skopeoThere = requires("skopeo", installed("skopeo"), "it pushes the image that the story begins with");
const dockerThere = requires("dockerd", hasDocker, "it runs what was pushed");
const umociThere = requires("umoci", installed("umoci"), "its trees are compared with ours");

const directory = temporaryDirectory();
let registry: DockerRegistry;
let base: string;

/** Runs ct with a store and records of its own, as root or as an ordinary user. */
function ctIn(place: string, user: number | undefined, ...words: string[]) {
  mkdirSync(place, { recursive: true });
  if (user !== undefined) execFileSync("chown", [`${user}:${user}`, place]);
  const line = [builtBinaries().ct, "--root", `${place}/state`, "--data", `${place}/data`, ...words];
  const ids = user === undefined ? [] : ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups"];
  const [file = "", ...rest] = [...ids, ...line];
  const env = { PATH: process.env.PATH, HOME: place, LIBCT_TEST_RUN: process.env.LIBCT_TEST_RUN };
  const { status, stdout, stderr } = spawnSync(file, rest, { encoding: "utf8", input: "", cwd: "/", env });
  return { status, stdout, stderr };
}
const ct = (...words: string[]) => ctIn(`${directory}/root`, undefined, ...words);
/** As `ct`, for what must succeed. */
function ask(...words: string[]): string {
  const { status, stdout, stderr } = ct(...words);
  if (status !== 0) throw new Error(`ct ${words.join(" ")}: status ${status}: ${stderr}`);
  return stdout.trimEnd();
}

auditEachTest();

describe.runIf(registryThere && skopeoThere)("an image that skopeo has pushed", () => {
  beforeAll(async () => {
    registry = await DockerRegistry.start(`${directory}/registry`);
    base = `${registry.host}/team/base:v1`;
    mkdirSync(`${directory}/made`);
    const archive = imageArchive(`${directory}/made`, "base:v1");
    const insecure = ["--dest-tls-verify=false", "--insecure-policy"];
    execFileSync("skopeo", ["copy", "-q", ...insecure, `oci-archive:${archive}`, `docker://${base}`]);
  });
  afterAll(() => registry.stop());

  it("is pulled, run, changed, committed and pushed; then docker runs what was pushed", async () => {
    expect(ask("pull", "-q", base)).toMatch(new RegExp(`^${base}@sha256:[0-9a-f]{64}$`));
    expect(ask("run", base, "--", "echo", "hello")).toBe("hello");
    const script = "echo patched >/etc/patch; rm /etc/group; ln /etc/patch /etc/same; sleep 1000";
    ask("run", "-d", "--name", "web", base, "--", "sh", "-c", script);
    await expect.poll(() => ct("exec", "web", "--", "cat", "/etc/same").stdout).toBe("patched\n");
    const patched = `${registry.host}/team/patched:v2`;
    expect(ask("commit", "-m", "patch", "-c", 'CMD ["cat", "/etc/patch"]', "web", patched)).toBe(patched);
    ask("rm", "-f", "web");
    expect(ask("run", patched)).toBe("patched");
    const pushed = ask("push", "-q", patched);
    const inspect = ["inspect", "--tls-verify=false", "--format", "{{.Digest}}", `docker://${patched}`];
    expect(pushed).toBe(`${patched}@${execFileSync("skopeo", inspect, { encoding: "utf8" }).trim()}`);
    if (dockerThere) await runInDocker(patched);
  });

  /** A docker of its own, which pulls over HTTP from the registry's files. */
  async function runInDocker(name: string): Promise<void> {
    const engine = await DockerEngine.start({ flags: ["--bridge=none", "--iptables=false", "--ip6tables=false"] });
    try {
      await engine.inNetwork("ip", "link", "set", "lo", "up");
      const beside = await DockerRegistry.start(`${directory}/registry`, { beside: engine.pid });
      try {
        const there = name.replace(registry.host, beside.host);
        await engine.ask("pull", there);
        const run = (...words: string[]) => engine.ask("run", "--rm", "--net=none", there, ...words);
        expect(await run()).toBe("patched");
        expect(await run("sh", "-c", "stat -c %h /etc/same; ls /etc/group || echo gone")).toBe("2\ngone");
      } finally {
        await beside.stop();
      }
    } finally {
      expect(await engine.stop()).toEqual([]);
    }
  }

  it.runIf(dockerThere)("is saved for docker load, and taken from docker save", async () => {
    ask("pull", "-q", base);
    ask("save", "-q", "-o", `${directory}/saved.tar`, base);
    const engine = await DockerEngine.start({ flags: ["--bridge=none", "--iptables=false", "--ip6tables=false"] });
    try {
      expect(await engine.ask("load", "-i", `${directory}/saved.tar`)).toContain(base);
      expect(await engine.ask("run", "--rm", "--net=none", base, "echo", "loaded")).toBe("loaded");
      await engine.ask("tag", base, "from-docker:1");
      await engine.ask("save", "-o", `${directory}/docker.tar`, "from-docker:1");
    } finally {
      expect(await engine.stop()).toEqual([]);
    }
    ask("load", "-q", "-i", `${directory}/docker.tar`);
    expect(ask("run", "from-docker:1", "--", "cat", "/etc/passwd")).toContain("root:x:0:0");
  });

  it("runs as an ordinary user's", () => {
    chmodSync(directory, 0o755);
    const user = (...words: string[]) => ctIn(`${directory}/user`, ORDINARY, ...words);
    expect(user("run", base, "--", "id", "-u")).toMatchObject({ status: 0, stdout: "0\n" });
    expect(user("run", "--pull", "never", base, "--", "echo", "again")).toMatchObject({
      stdout: "again\n",
      stderr: "",
    });
    expect(user("image", "rm", base)).toMatchObject({ status: 0 });
    expect(JSON.parse(user("system", "df", "--json").stdout)).toMatchObject({
      images: { count: 0, size: 0 },
      containers: { count: 0 },
    });
  });

  it.runIf(umociThere)("has the same files as umoci unpacks", () => {
    ask("pull", "-q", base);
    execFileSync("skopeo", ["copy", "-q", "--src-tls-verify=false", `docker://${base}`, `oci:${directory}/layout:v1`]);
    execFileSync("umoci", ["unpack", "--image", `${directory}/layout:v1`, `${directory}/bundle`], { stdio: "ignore" });
    const list = "find . -printf '%y %m %U %G %s %l %p\\n' | grep -v '^d .* \\.$' | sort";
    const theirs = execFileSync("sh", ["-c", `cd ${directory}/bundle/rootfs && ${list}`], { encoding: "utf8" });
    const [{ layers }] = JSON.parse(ask("image", "inspect", base)) as [{ layers: [{ diffId: string }] }];
    const tree = `${directory}/root/data/layers/${layers[0].diffId.replace(":", "-")}/diff`;
    // Directories' sizes are the filesystem's business.
    const plain = (text: string) => text.replace(/^(d \d+ \d+ \d+) \d+/gm, "$1");
    expect(plain(execFileSync("sh", ["-c", `cd ${tree} && ${list}`], { encoding: "utf8" }))).toBe(plain(theirs));
  });
});
