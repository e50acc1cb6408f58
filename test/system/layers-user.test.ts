import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ORDINARY, runScript, type ScriptOptions } from "../support/as-user.ts";
import { hasUserOverlays } from "../support/kernel.ts";
import { auditEachTest } from "../support/leaks.ts";
import { temporaryDirectory } from "../support/rootfs.ts";

let work: string;
beforeAll(() => {
  work = temporaryDirectory();
});
afterAll(() => rmSync(`/tmp/libct-${ORDINARY}`, { recursive: true, force: true }));
auditEachTest();

async function asUser(script: string, options: ScriptOptions = {}): Promise<unknown[]> {
  const directory = mkdtempSync(join(work, "user-"));
  chmodSync(directory, 0o755);
  chownSync(directory, ORDINARY, ORDINARY);
  const prelude = `
    import { existsSync, lstatSync, readFileSync } from "node:fs";
    import { startExecutor } from "${join(import.meta.dirname, "../../src/executor/index.ts")}";
    import { readCaller } from "${join(import.meta.dirname, "../../src/host/caller.ts")}";
    import { resolveIdMaps } from "${join(import.meta.dirname, "../../src/host/idmaps.ts")}";
    import { removeTree } from "${join(import.meta.dirname, "../../src/image/layer/remove-tree.ts")}";
    import { archiveOf, entry, file, unpack } from "${join(import.meta.dirname, "../support/layers.ts")}";
    const own = ${JSON.stringify(directory)};
    const { uid, gid, writer } = resolveIdMaps({}, readCaller());
    const ids = { uid, gid, writer };
    const options = { ids, whiteouts: "overlay-user" };
    const see = (name) => { const s = lstatSync(own + "/layer/" + name); return [s.mode.toString(8), s.uid, s.gid, s.size]; };
    const clean = async () => {
      const { zygote } = await startExecutor(process.env.LIBCT_TEST_EXECUTOR);
      await removeTree(zygote, own + "/layer", ids).finally(() => zygote.close());
      report(existsSync(own + "/layer"));
    };
    const archive = await archiveOf(
      entry("d", "directory", { mode: 0o2750, uid: 33, gid: 33 }),
      file("d/mine", "small", { mode: 0o4711 }),
      file("d/theirs", "x".repeat(600_000), { mode: 0o400, uid: 1000, gid: 50 }),
      entry("d/null", "character", { major: 1, minor: 3 }),
      file("cap", "x", { xattrs: new Map([["security.capability", Buffer.from("0100000200040000000000000000000000000000", "hex")], ["user.a", Buffer.from("1")], ["trusted.b", Buffer.from("1")]]) }),
      file(".wh.gone", ""),
      file("d/.wh..wh..opq", ""),
    );
  `;
  return await runScript(prelude + script, directory, { ...options, user: true });
}

describe("an ordinary user with subordinate ids", () => {
  /** Lends the user a range, in a mount namespace of the script's own: the machine's files stay as they are. */
  function lend(count: number): ScriptOptions {
    const directory = mkdtempSync(join(work, "subids-"));
    for (const name of ["subuid", "subgid"]) writeFileSync(join(directory, name), `${ORDINARY}:300000:${count}\n`);
    const passwd = `root:x:0:0::/root:/bin/sh\nordinary:x:${ORDINARY}:${ORDINARY}::/:/bin/sh\n`;
    writeFileSync(join(directory, "passwd"), passwd);
    const prepare = ["subuid", "subgid", "passwd"].map((name) => `mount --bind ${directory}/${name} /etc/${name}`);
    return { prepare: prepare.join(" && ") };
  }

  it("unpacks a layer whose files belong to them, and removes it", async () => {
    const seen = await asUser(
      `
      report((await unpack(archive, own + "/layer", options)).skipped);
      for (const name of ["", "d", "cap", "gone"]) report(see(name));
      await clean();`,
      lend(65536),
    );
    expect(seen).toEqual([
      { devices: 1, owners: 0, xattrs: 1 },
      ["40755", ORDINARY, ORDINARY, expect.any(Number)],
      ["42750", 300032, 300032, expect.any(Number)],
      ["100644", ORDINARY, ORDINARY, 1],
      ["20600", ORDINARY, ORDINARY, 0],
      false,
    ]);
  });

  it.runIf(hasUserOverlays())("sees it in a container, over another layer that it hides parts of", async () => {
    const seen = await asUser(
      `
      const lower = await archiveOf(file("gone", "1"), entry("d", "directory"), file("d/hidden", "1"), file("kept", "1"), file("bin/busybox", readFileSync("/bin/busybox"), { mode: 0o755 }));
      await unpack(lower, own + "/lower", options);
      await unpack(archive, own + "/layer", options);
      await using host = await openHost();
      const spec = { root: ct.overlay({ lower: [own + "/layer", own + "/lower"] }), namespaces: ["user", "mount"] };
      const said = await capture(host, spec, ["/bin/busybox", "sh", "-c", "cd /; /bin/busybox ls; /bin/busybox ls d; /bin/busybox stat -c '%u %g %a %s' d/theirs d/mine"]);
      report(said.stdout + said.stderr);
      const { zygote } = await startExecutor(process.env.LIBCT_TEST_EXECUTOR);
      await removeTree(zygote, own + "/lower", ids).finally(() => zygote.close());
      await clean();`,
      lend(65536),
    );
    expect(seen).toEqual(["bin\ncap\nd\nkept\nmine\ntheirs\n1000 50 400 600000\n0 0 4711 5\n", false]);
  });

  it("is told of an id that is not among them, and nothing stays", async () => {
    const seen = await asUser(
      `
      report(await unpack(archive, own + "/layer", options).then(() => "unpacked", (error) => [error.code, error.message]));
      report(existsSync(own + "/layer"));`,
      lend(20),
    );
    expect(seen).toEqual([
      [
        "ERR_CT_NOT_PERMITTED",
        expect.stringMatching(/"d" in the layer belongs to the user 33, which is not mapped.*subuid/),
      ],
      false,
    ]);
  });
});

describe("an ordinary user with a single id", () => {
  it("has all files of a layer, and is told that the owners are not those of the archive", async () => {
    const seen = await asUser(`
      report(ids.writer);
      report((await unpack(archive, own + "/layer", options)).skipped);
      for (const name of ["d", "d/mine", "d/theirs"]) report(see(name));
      report(readFileSync(own + "/layer/d/theirs", "utf8") === "x".repeat(600_000));
      await clean();`);
    expect(seen).toEqual([
      "self",
      { devices: 1, owners: 2, xattrs: expect.any(Number) },
      ["42750", ORDINARY, ORDINARY, expect.any(Number)],
      ["104711", ORDINARY, ORDINARY, 5],
      ["100400", ORDINARY, ORDINARY, 600_000],
      true,
      false,
    ]);
  });
});
