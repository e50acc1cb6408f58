import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Host } from "../../src/index.ts";
import { ORDINARY, runScript, spawnScript } from "../support/as-user.ts";
import { builtImage, busyboxLayer, type LayerFiles } from "../support/built-image.ts";
import { waitForOutput } from "../support/capture.ts";
import { openImageHost } from "../support/host.ts";
import { auditEachTest } from "../support/leaks.ts";
import { temporaryDirectory } from "../support/rootfs.ts";

const directory = temporaryDirectory();
const data = `${directory}/data`;
const BELOW: LayerFiles = { "d/old": "old", "d/kept": "kept", "e/f/g": "deep", gone: "gone", "secret\n": "odd" };
const ABOVE: LayerFiles = { ".wh.gone": "", "d/old": "newer", "e/.wh..wh..opq": "", "e/h": "alone" };
let host: Host;

beforeAll(async () => {
  host = await openImageHost(data);
  await host.images.pull(await builtImage([busyboxLayer(), BELOW]), { name: "below" });
  await host.images.pull(await builtImage([busyboxLayer(), BELOW, ABOVE]), { name: "above" });
});
afterAll(() => host[Symbol.asyncDispose]());
auditEachTest();

function unpacked(tar: string): string {
  const place = temporaryDirectory();
  execFileSync("tar", ["-xpf", tar, "-C", place, "--numeric-owner"]);
  return place;
}
const mounts = () => readFileSync("/proc/self/mountinfo", "utf8");

describe("an image", () => {
  it("is exported as the tree that the kernel shows of its layers", async () => {
    await host.images.export("above", `${directory}/above.tar`);
    const tree = unpacked(`${directory}/above.tar`);
    const { path } = await host.images.mount("above");
    try {
      // With owners, permissions and kinds; diff compares the contents.
      const listed = (at: string) => execFileSync("find", [at, "-mindepth", "1", "-printf", "%P %y %m %U:%G %n %l\\0"]);
      const sorted = (at: string) =>
        listed(at)
          .toString()
          .split("\0")
          .filter((line) => !/ d /.test(line))
          .sort();
      expect(sorted(tree)).toEqual(sorted(path));
      execFileSync("diff", ["-r", "--no-dereference", tree, path]);
      expect(readdirSync(`${tree}/e`)).toEqual(["h"]);
      expect(existsSync(`${tree}/gone`)).toBe(false);
    } finally {
      await host.images.unmount("above");
    }
  });

  it("is compared with another one, without what both have from the same layers", async () => {
    const changes = [];
    for await (const { kind, path } of host.images.diff("below", "above")) changes.push(`${kind} ${path}`);
    expect(changes).toEqual(["changed /d/old", "removed /e/f", "added /e/h", "removed /gone"]);
    for await (const change of host.images.diff("above", "above")) expect.fail(change.path);
  });

  it("is mounted once, stays while it is, and leaves nothing when it is unmounted", async () => {
    const before = mounts();
    const mounted = await host.images.mount("above");
    expect(mounted.name).toBe("docker.io/library/above:latest");
    expect(await host.images.mount("above")).toEqual(mounted);
    expect(await host.images.mounted()).toEqual([mounted]);
    expect(readFileSync(`${mounted.path}/d/old`, "utf8")).toBe("newer");
    expect(() => writeFileSync(`${mounted.path}/x`, "")).toThrow("EROFS");
    await expect(host.images.remove("above")).rejects.toThrow(`is mounted at ${mounted.path}`);
    expect(await host.images.prune()).toMatchObject({ layers: 0, containers: 0 });
    expect((await host.images.usage()).containers).toEqual({ count: 0, size: 0 });
    expect(readFileSync(`${mounted.path}/d/kept`, "utf8")).toBe("kept");
    expect(await host.images.unmount(mounted.path)).toEqual(mounted);
    expect(mounts()).toBe(before);
    expect(readdirSync(`${data}/containers`)).toEqual([]);
    await expect(host.images.unmount("above")).rejects.toMatchObject({ code: "ERR_CT_STATE" });
  });

  it("may have no layers, or so many that their names do not fit into the options of a mount", async () => {
    const many = Array.from({ length: 120 }, (_, index) => ({ [`file-${index}`]: String(index) }));
    for (const [name, layers] of [
      ["empty", []],
      ["many", many],
    ] as const) {
      await host.images.pull(await builtImage(layers), { name });
      const { path } = await host.images.mount(name);
      expect(readdirSync(path), name).toHaveLength(layers.length);
      await host.images.unmount(name);
      await host.images.export(name, `${directory}/${name}.tar`);
      expect(readdirSync(unpacked(`${directory}/${name}.tar`)), name).toHaveLength(layers.length);
    }
  });
});

describe("a container over an image", () => {
  it("has neither users nor files of volumes of layers that a higher one hides", async () => {
    const upper: LayerFiles = { "etc/.wh..wh..opq": "", "etc/x": "", "v/.wh..wh..opq": "", "v/new": "new" };
    const config = { Volumes: { "/v": {} } };
    const image = await builtImage([{ ...busyboxLayer(), "v/old": "old" }, upper], { config });
    await host.images.pull(image, { name: "hidden" });
    expect((await host.run(["ls", "/v", "/etc/x"], { image: "hidden" })).stdout).toBe("/etc/x\n\n/v:\nnew\n");
    await expect(host.run(["true"], { image: "hidden", user: "app" })).rejects.toThrow("app");
  });

  it("sees what is mounted below a volume of the image", async () => {
    const image = await builtImage([busyboxLayer(), { "data/x": "x" }], { config: { Volumes: { "/data": {} } } });
    await host.images.pull(image, { name: "volume" });
    writeFileSync(`${directory}/mine`, "mine");
    const mounts = [{ type: "bind", source: `${directory}/mine`, destination: "/data/mine", options: ["bind", "ro"] }];
    expect((await host.run(["cat", "/data/mine", "/data/x"], { image: "volume", mounts })).stdout).toBe("minex");
  });

  it("is exported with what it has changed, and without what is mounted", async () => {
    await using container = await host.create({
      image: "above",
      namespaces: ["mount", "pid"],
      mounts: [{ type: "tmpfs", destination: "/tmp", options: [] }],
    });
    const script =
      "echo mine >/d/mine; rm -r /e; rm /d/kept; ln /d/old /d/link; echo x >/tmp/x; echo done; exec sleep 60";
    const command = await container.start(["sh", "-c", script]);
    await waitForOutput(command, "done");
    await host.images.export(container, `${directory}/container.tar`);
    const tree = unpacked(`${directory}/container.tar`);
    expect(readdirSync(`${tree}/d`).sort()).toEqual(["link", "mine", "old"]);
    expect(readFileSync(`${tree}/d/link`, "utf8")).toBe("newer");
    expect(existsSync(`${tree}/e`)).toBe(false);
    expect(readdirSync(`${tree}/tmp`)).toEqual([]);
  });
});

it("an ordinary user exports and compares images, and is told what there is in place of a mount", async () => {
  const told = await runScript(
    `import { builtImage } from "${new URL("../support/built-image.ts", import.meta.url).pathname}";
    const host = await ct.Host.open({ executor: process.env.LIBCT_TEST_EXECUTOR });
    const below = ${JSON.stringify(BELOW)}, above = ${JSON.stringify(ABOVE)};
    await host.images.pull(await builtImage([below]), { name: "below" });
    await host.images.pull(await builtImage([below, above]), { name: "above" });
    await host.images.export("above", process.env.HOME + "/above.tar");
    const changes = [];
    for await (const { path } of host.images.diff("below", "above")) changes.push(path);
    report(changes);
    await host.images.mount("above").catch((error) => report(error.code));
    await host.images.prune({ all: true });
    await host[Symbol.asyncDispose]();`,
    directory,
    { user: true },
  );
  expect(told).toEqual([["/d/old", "/e/f", "/e/h", "/gone"], "ERR_CT_NOT_PERMITTED"]);
  const tree = unpacked(`${directory}/home/above.tar`);
  expect(readdirSync(tree).sort()).toEqual(["d", "e", "secret\n"]);
  expect(ORDINARY).not.toBe(0);
});

/** The process kills itself before the Nth change of a name in the store: a point that no other test of time would find twice. */
const KILLED = `
import fs from "node:fs";
import promises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { builtImage, busyboxLayer } from "${new URL("../support/built-image.ts", import.meta.url).pathname}";
const host = await ct.Host.open({ dataDirectory: process.env.DATA, executor: process.env.LIBCT_TEST_EXECUTOR });
let left = Infinity;
const arm = () => { left = Number(process.env.AT); };
for (const [module, name] of [[fs, "renameSync"], [fs, "rmSync"], [promises, "rename"]]) {
  const act = module[name];
  module[name] = (...args) => {
    left -= 1;
    if (left === 0) process.kill(process.pid, "SIGKILL");
    return act(...args);
  };
}
syncBuiltinESMExports();
`;
const COMMIT = `
const container = await host.create({ image: "below", namespaces: ["mount", "pid"] });
await waitForOutput(await container.start(["sh", "-c", "echo x >/x; echo done; exec sleep 60"]), "done");
arm();
await host.images.commit(container, { name: "committed" });
left = Infinity;
await host[Symbol.asyncDispose]();
`;
const PRUNE = `
await host.images.pull(await builtImage([{ one: "1" }, { two: "2" }, { three: "3" }]), { name: "doomed" });
arm();
await host.images.remove("doomed");
await host.images.prune();
left = Infinity;
await host[Symbol.asyncDispose]();
`;

describe("who is killed", () => {
  const files = (): string[] =>
    readdirSync(data, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => `${entry.parentPath}/${entry.name}`.slice(data.length + 1))
      .filter((path) => path !== "lock" && !path.startsWith("locks/"))
      .sort();
  const ended = async (script: string, at: number) => {
    const place = temporaryDirectory();
    mkdirSync(place, { recursive: true });
    const child = spawnScript(KILLED + script, place, { env: { DATA: data, AT: String(at) } });
    let said = "";
    child.stderr.on("data", (part: Buffer) => (said += part.toString()));
    const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
      child.once("close", (...how) => resolve(how)),
    );
    expect([0, null], said).toContain(code);
    return signal;
  };

  for (const [act, script] of [
    ["commit", COMMIT],
    ["prune", PRUNE],
  ] as const) {
    it(`during ${act} leaves nothing that a later prune does not find`, async () => {
      await host.images.prune();
      const before = files();
      let kills = 0;
      for (let at = 1; (await ended(script, at)) === "SIGKILL"; at += 2) {
        kills += 1;
        // The image may be whole already, with its name.
        for (const name of ["committed", "doomed"]) if (await host.images.has(name)) await host.images.remove(name);
        await host.images.prune();
        expect(files(), `killed before change ${at}`).toEqual(before);
        expect((await host.run(["cat", "/d/kept"], { image: "below" })).stdout).toBe("kept");
      }
      expect(kills).toBeGreaterThan(2);
      if (act === "commit") expect((await host.run(["cat", "/x"], { image: "committed" })).stdout).toBe("x\n");
      if (act === "commit") await host.images.remove("committed");
      await host.images.prune();
      expect(files()).toEqual(before);
    });
  }
});
