import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Host } from "../../src/index.ts";
import { builtImage, busyboxLayer } from "../support/built-image.ts";
import { openImageHost } from "../support/host.ts";
import { auditEachTest } from "../support/leaks.ts";
import { installed } from "../support/prerequisite.ts";
import { temporaryDirectory } from "../support/rootfs.ts";

const directory = temporaryDirectory();
const isRoot = process.getuid?.() === 0;
const withBtrfs = isRoot && installed("mkfs.btrfs");
const place = `${directory}/btrfs`;

beforeAll(() => {
  mkdirSync(place);
  if (!withBtrfs) return;
  execFileSync("truncate", ["-s", "256M", `${directory}/disk`]);
  execFileSync("mkfs.btrfs", ["-q", `${directory}/disk`]);
  execFileSync("mount", ["-o", "loop", `${directory}/disk`, place]);
});
afterAll(() => {
  if (withBtrfs) execFileSync("umount", [place]);
});

for (const { storage, data, may } of [
  { storage: "dir", data: `${directory}/data`, may: isRoot },
  { storage: "btrfs", data: `${place}/data`, may: withBtrfs },
] as const) {
  describe.skipIf(!may)(`a container whose root is a tree of its own (${storage})`, () => {
    const image = { name: "app", storage };
    let host: Host;
    beforeAll(async () => {
      host = await openImageHost(data);
      const layers = [
        { "d/old": "old", gone: "x" },
        { "d/.wh..wh..opq": "", "d/new": "new", ".wh.gone": "" },
      ];
      await host.images.pull(await builtImage([busyboxLayer(), ...layers], { config: {} }), { name: "app" });
    });
    afterAll(() => host[Symbol.asyncDispose]());
    auditEachTest();

    it("begins as the image, and keeps what it changes to itself", async () => {
      const script = "cat /d/*; ls /gone 2>/dev/null; echo mine >/d/new";
      const { stdout } = await host.run(["sh", "-c", `${script}; cat /d/new`], { image });
      expect(stdout).toBe("newmine\n");
      expect((await host.run(["cat", "/d/new"], { image })).stdout).toBe("new");
      expect((await host.run(["cat", "/proc/mounts"], { image })).stdout).not.toMatch(/^overlay/m);
      expect(readdirSync(`${data}/containers`)).toEqual([]);
    });

    it("is asked for its changes, committed and exported", async () => {
      await using container = await host.create({ image, namespaces: ["mount", "pid"] });
      const child = await container.start(["sh", "-c", "rm /d/new; echo x >/x; echo go; read x"], { stdin: "pipe" });
      for await (const line of child.stdout?.lines() ?? []) if (line === "go") break;
      const changes = [];
      for await (const { kind, path } of host.images.diff(container)) changes.push(`${kind} ${path}`);
      expect(changes).toEqual(["removed /d/new", "added /x"]);
      await host.images.commit(container, { name: "patched" });
      await host.images.export(container, `${directory}/${storage}.tar`);
      child.stdin?.end("\n");
      await child.wait();
      const names = execFileSync("tar", ["-tf", `${directory}/${storage}.tar`], { encoding: "utf8" }).split("\n");
      expect(names).toContain("x");
      expect(names).not.toContain("d/new");
      expect((await host.run(["sh", "-c", "ls /d; cat /x"], { image: "patched" })).stdout).toBe("x\n");
      await host.images.remove("patched");
    });

    it("leaves nothing when it and its image are gone", async () => {
      await host.images.remove("app");
      await host.images.prune();
      for (const room of ["containers", "trees", "layers"]) expect(readdirSync(`${data}/${room}`)).toEqual([]);
    });
  });
}

it.skipIf(!isRoot)("a snapshot is refused where the store is not on btrfs, and nothing is made", async () => {
  await using host = await openImageHost(`${directory}/other`);
  await host.images.pull(await builtImage([busyboxLayer()], { config: {} }), { name: "app" });
  const refused = host.run(["true"], { image: { name: "app", storage: "btrfs" } });
  await expect(refused).rejects.toMatchObject({
    code: "ERR_CT_NOT_SUPPORTED",
    hint: expect.stringContaining("--data"),
  });
  expect(readdirSync(`${directory}/other/containers`)).toEqual([]);
  expect(existsSync(`${directory}/other/trees`)).toBe(false);
});
