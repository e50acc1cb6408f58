import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startExecutor } from "../../src/executor/index.ts";
import { decodeName } from "../../src/image/layer/name-bytes.ts";
import { removeTree } from "../../src/image/layer/remove-tree.ts";
import type { TarType } from "../../src/image/layer/tar-entry.ts";
import type { UnpackOptions } from "../../src/image/layer/unpack.ts";
import type { TarContent } from "../../src/image/layer/write-tar.ts";
import { archiveOf, entry, file, inPieces, unpack } from "../support/layers.ts";
import { auditEachTest } from "../support/leaks.ts";
import { playground, remove } from "../support/playground.ts";
import { listTree } from "../support/tree.ts";

let work: string;
beforeAll(() => {
  work = playground();
});
afterAll(() => remove(work));
auditEachTest();

let directories = 0;
const fresh = () => join(work, `layer-${directories++}`);
const time = { seconds: 1_600_000_000, nanoseconds: 123_456_789 };
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error as { readonly code?: string; readonly message: string },
  );

async function remover(directory: string): Promise<void> {
  const { zygote } = await startExecutor(process.env.LIBCT_TEST_EXECUTOR);
  await removeTree(zygote, directory, undefined).finally(() => zygote.close());
}

describe("a layer", () => {
  it("becomes the files that its archive says, of every kind", async () => {
    const odd = decodeName(Buffer.from("odd-\xff\xfe", "latin1"));
    const large = randomBytes(900_000);
    const directory = fresh();
    const archive = await archiveOf(
      entry("./", "directory", { mode: 0o711, mtime: time }),
      entry("d", "directory", {
        mode: 0o2775,
        uid: 3,
        gid: 50,
        mtime: time,
        xattrs: new Map([["user.note", Buffer.from("hi")]]),
      }),
      file("d/small", "hello", { mode: 0o4755, uid: 1000, gid: 1001, mtime: time }),
      file("d/unreadable", "secret", { mode: 0, mtime: time }),
      file("d/large", large, { mode: 0o400, gid: 42, mtime: time, xattrs: new Map([["user.empty", Buffer.alloc(0)]]) }),
      file(odd, "", { mtime: { seconds: -2, nanoseconds: 5 } }),
      entry("d/hard", "link", { linkname: "/d/small" }),
      entry("d/sym", "symlink", { linkname: "/etc/passwd", uid: 5, mtime: time }),
      entry("fifo", "fifo", { mode: 0o600, mtime: time }),
      entry("null", "character", { mode: 0o666, major: 1, minor: 3, mtime: time }),
      entry("disk", "block", { mode: 0o660, gid: 6, major: 259, minor: 70_000, mtime: time }),
      file("implied/by/name", "x", { mtime: time }),
      file(`${"long/".repeat(30)}${"n".repeat(200)}`, "y", { mtime: time }),
    );
    const made = await unpack(archive, directory);
    expect(made).toMatchObject({
      entries: 13,
      size: archive.length,
      compression: "none",
      skipped: { devices: 0, owners: 0, xattrs: 0 },
    });
    expect(made.impliedDirectories.slice(0, 2)).toEqual(["implied", "implied/by"]);
    expect(listTree(directory, { directoryTimes: true }).filter((line) => !/^\/(implied|long)/.test(line))).toEqual(
      [
        "/ 40711 0:0 time=1600000000123456789",
        "/d 42775 3:50 time=1600000000123456789 user.note=0x6869",
        expect.stringMatching(/^\/d\/hard 104755 1000:1001 size=5 time=1600000000123456789 5d41402abc4b/),
        expect.stringMatching(
          /^\/d\/large 100400 0:42 size=900000 time=1600000000123456789 user.empty=(0x)? [0-9a-f]{12}$/,
        ),
        expect.stringMatching(/^\/d\/small 104755 1000:1001 .* is \/d\/hard/),
        "/d/sym 120777 5:0 size=11 time=1600000000123456789 -> /etc/passwd",
        expect.stringMatching(/^\/d\/unreadable 100000 0:0 size=6 time=1600000000123456789 /),
        `/disk 60660 0:6 device=${lstatSync(join(directory, "disk")).rdev} time=1600000000123456789`,
        "/fifo 10600 0:0 size=0 time=1600000000123456789",
        "/null 20666 0:0 size=0 device=259 time=1600000000123456789",
        "/odd-\xff\xfe 100644 0:0 size=0 time=-1999999995 d41d8cd98f00",
      ].map((line) =>
        typeof line === "string" ? line.replace(" device", " size=0 device").replace("size=0 size=0", "size=0") : line,
      ),
    );
    expect(readFileSync(join(directory, "d/large")).equals(large)).toBe(true);
    expect(readFileSync(join(directory, `${"long/".repeat(30)}${"n".repeat(200)}`), "utf8")).toBe("y");
    await remover(directory);
    expect(existsSync(directory)).toBe(false);
  });

  it("has the digest of its uncompressed archive, whatever compresses it", async () => {
    const archive = await archiveOf(file("a", "x".repeat(100_000)), file("b", randomBytes(70_000)));
    const half = Math.floor(archive.length / 2);
    const zstd = (...args: string[]) => execFileSync("zstd", ["-q", "-c", ...args], { input: archive });
    const skippable = Buffer.concat([Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 4, 0, 0, 0]), Buffer.from("toc!")]);
    const forms = {
      none: archive,
      gzip: gzipSync(archive),
      members: Buffer.concat([gzipSync(archive.subarray(0, half)), gzipSync(archive.subarray(half))]),
      zstd: zstd(),
      frames: Buffer.concat([skippable, zstd("-19"), skippable]),
    };
    const digest = execFileSync("sha256sum", { input: archive, encoding: "utf8" }).slice(0, 64);
    const made = await Promise.all(Object.values(forms).map((form) => unpack(form, fresh())));
    expect(made.map(({ diffId, compression }) => [diffId, compression])).toEqual(
      ["none", "gzip", "gzip", "zstd", "zstd"].map((compression) => [`sha256:${digest}`, compression]),
    );
  });

  it("hides files of the layers below in overlay's ways", async () => {
    const lower = fresh();
    const upper = fresh();
    await unpack(
      await archiveOf(
        file("gone", "1"),
        file("d/a", "1"),
        file("d/b", "1"),
        file("e/a", "1"),
        file("f/a", "1"),
        file("g/a", "1"),
      ),
      lower,
    );
    await unpack(
      await archiveOf(
        ...[file(".wh.gone", ""), file("d/.wh.a", ""), file(".wh..wh.plnk/x", ""), file(".wh..wh.aufs", "")],
        ...[entry("e", "directory"), file("e/.wh..wh..opq", ""), file("e/new", "2")],
        ...[file(".wh.f", ""), entry("f", "directory"), file("f/new", "2")],
        ...[entry("g", "directory"), file("g/new", "2"), file(".wh.g", "")],
      ),
      upper,
    );
    const seen = execFileSync(
      "unshare",
      ["-m", "sh", "-c", `mount -t overlay overlay -o lowerdir=${upper}:${lower} /mnt && cd /mnt && find . | sort`],
      { encoding: "utf8" },
    );
    expect(seen.trim().split("\n")).toEqual([
      ".",
      "./d",
      "./d/b",
      "./e",
      "./e/new",
      "./f",
      "./f/new",
      "./g",
      "./g/new",
    ]);
  });

  it("is applied to a plain tree, where what it hides is removed and what it has itself stays", async () => {
    const directory = fresh();
    mkdirSync(directory);
    const apply = async (...members: readonly TarContent[]) =>
      unpack(await archiveOf(...members), directory, { whiteouts: "applied" });
    await apply(
      entry("", "directory", { mode: 0o755 }),
      file("gone", "1"),
      file("d/a", "1"),
      file("d/sub/x", "1"),
      file("was-file", "1"),
      file("was-dir/x", "1"),
      file("e/a", "1"),
    );
    await apply(
      ...[file(".wh.gone", ""), file("d/new", "2"), file("d/.wh..wh..opq", ""), file("e/.wh.a", ""), file("e/b", "2")],
      ...[entry("was-file", "directory"), file("was-dir", "now a file"), entry("d", "directory", { mode: 0o700 })],
    );
    expect(listTree(directory, { times: "none" }).map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
      ...["/ 40755", "/d 40700", "/d/new 100644", "/e 40755", "/e/b 100644", "/was-dir 100644", "/was-file 40755"],
    ]);
  });

  it("may say the same name twice: the last counts", async () => {
    const directory = fresh();
    await unpack(
      await archiveOf(
        ...[file("a", "1"), file("a", "22"), file("b/c/d", "1"), entry("b", "symlink", { linkname: "a" })],
        ...[
          entry("d", "symlink", { linkname: "/etc" }),
          entry("d", "directory", { mode: 0o750 }),
          file("d/passwd", "mine"),
        ],
        ...[entry("l", "symlink", { linkname: "real" }), entry("real", "directory"), file("l/inside", "x")],
      ),
      directory,
    );
    expect(listTree(directory, { times: "none" }).map((line) => line.replace(/ [0-9a-f]{12}$/, ""))).toEqual([
      ...[
        "/ 40755 0:0",
        "/a 100644 0:0 size=2",
        "/b 120777 0:0 size=1 -> a",
        "/d 40750 0:0",
        "/d/passwd 100644 0:0 size=4",
      ],
      ...["/l 120777 0:0 size=4 -> real", "/real 40755 0:0", "/real/inside 100644 0:0 size=1"],
    ]);
  });

  it("has holes where its sparse files have them", async () => {
    const directory = fresh();
    mkdirSync(join(work, "sparse"));
    execFileSync(
      "sh",
      [
        "-c",
        "truncate -s 3G big; printf end | dd of=big bs=1 seek=3221225469 conv=notrunc status=none; truncate -s 64k small",
      ],
      { cwd: join(work, "sparse") },
    );
    const archive = execFileSync("tar", ["--sparse", "--format=posix", "-c", "big", "small"], {
      cwd: join(work, "sparse"),
    });
    await unpack(archive, directory);
    const { size, blocks } = lstatSync(join(directory, "big"));
    expect([size, lstatSync(join(directory, "small")).size]).toEqual([3 * 2 ** 30, 65536]);
    expect(blocks * 512).toBeLessThan(1 << 20);
    expect(execFileSync("tail", ["-c", "3", join(directory, "big")], { encoding: "utf8" })).toBe("end");
  });
});

describe("a layer that is not as it should be", () => {
  const refused = async (archive: Uint8Array, options: Partial<UnpackOptions> = {}) => {
    const directory = fresh();
    const error = await failure(unpack(archive, directory, options));
    expect(existsSync(directory)).toBe(false);
    return error;
  };

  it("is refused, and nothing of it stays", async () => {
    const good = await archiveOf(file("d/a", "x".repeat(400_000)), file("d/b", "y"));
    expect(await refused(good.subarray(0, 100_000))).toMatchObject({
      code: "ERR_CT_LAYER",
      message: expect.stringContaining("cut off"),
    });
    expect(await refused(gzipSync(good).subarray(0, 500))).toMatchObject({ code: "ERR_CT_LAYER" });
    expect(await refused(Buffer.concat([gzipSync(good).subarray(0, 300), randomBytes(500)]))).toMatchObject({
      code: "ERR_CT_LAYER",
    });
    expect(await refused(await archiveOf(file("../x", "1")))).toMatchObject({
      message: expect.stringContaining("leads out of the layer"),
    });
    expect(await refused(await archiveOf(entry("a", "link", { linkname: "b" })))).toMatchObject({
      message: expect.stringContaining('leads to "b", which the layer has not'),
    });
    expect(await refused(await archiveOf(file("a", "1"), file("a/b", "2")))).toMatchObject({
      code: "ERR_CT_SYSCALL",
      errno: "ENOTDIR",
    });
    expect(await refused(await archiveOf(file("n".repeat(256), "1")))).toMatchObject({
      message: expect.stringContaining("longer than 255"),
    });
    expect(await refused(await archiveOf(file("n/".repeat(2100), "1")))).toMatchObject({
      message: expect.stringContaining("longer than 4095"),
    });
    expect(await refused(Buffer.concat([Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a]), randomBytes(600)]))).toMatchObject(
      { message: expect.stringContaining("xz") },
    );
  });

  it("is taken for a bomb beyond the limits", async () => {
    const archive = await archiveOf(file("a", Buffer.alloc(3_000_000)), file("b", ""));
    expect(await refused(archive, { limits: { bytes: 1_000_000 } })).toMatchObject({
      message: expect.stringContaining("longer than 1000000 bytes"),
    });
    expect(await refused(archive, { limits: { entries: 1 } })).toMatchObject({
      message: expect.stringContaining("more than 1 entries"),
    });
    async function* zeroes(): AsyncGenerator<Uint8Array> {
      const { entry: head } = file("zeroes", "");
      const { tarHeader } = await import("../../src/image/layer/write-tar.ts");
      yield gzipSync(tarHeader({ ...head, size: 2 ** 32 }));
      const block = gzipSync(Buffer.alloc(1 << 24));
      for (;;) yield block;
    }
    expect(await refused(archive, { content: zeroes() })).toMatchObject({
      message: expect.stringContaining("200 times"),
    });
  });

  it("does not fit on the disk, and leaves it as it was", async () => {
    const disk = join(work, "disk");
    mkdirSync(disk);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", disk]);
    try {
      for (const size of [3_000_000, 100_000]) {
        const members = Array.from({ length: Math.ceil(3_000_000 / size) }, (_, index) =>
          file(`f${index}`, randomBytes(size)),
        );
        expect(await failure(unpack(await archiveOf(...members), join(disk, "layer")))).toMatchObject({
          errno: "ENOSPC",
        });
        expect(readdirSync(disk)).toEqual([]);
      }
    } finally {
      execFileSync("umount", [disk]);
    }
  });

  it("is not gone on with when it is aborted, or its source fails", async () => {
    const archive = await archiveOf(file("a", randomBytes(500_000)), file("b", randomBytes(500_000)));
    const aborter = new AbortController();
    const content = async function* () {
      yield* inPieces(archive.subarray(0, 300_000));
      aborter.abort();
      yield* inPieces(archive.subarray(300_000));
    };
    expect(await refused(archive, { content: content(), signal: aborter.signal })).toMatchObject({
      code: "ERR_CT_ABORTED",
    });
    const broken = async function* () {
      yield gzipSync(archive).subarray(0, 300_000);
      throw new Error("the network is gone");
    };
    expect(await refused(archive, { content: broken() })).toMatchObject({ message: "the network is gone" });
  });

  it("is left half-done by an application that is killed, and what is left can be removed", async () => {
    const directory = fresh();
    const script = `
      import { unpack } from ${JSON.stringify(join(import.meta.dirname, "../support/layers.ts"))};
      import { archiveOf, file, inPieces } from ${JSON.stringify(join(import.meta.dirname, "../support/layers.ts"))};
      const archive = await archiveOf(...Array.from({ length: 500 }, (_, i) => file("d" + (i % 7) + "/f" + i, "x".repeat(5000))), file("last", "x"));
      async function* content() { yield* inPieces(archive.subarray(0, 2_000_000)); console.log("half"); await new Promise((r) => setTimeout(r, 60_000)); yield archive; }
      await unpack(archive, ${JSON.stringify(directory)}, { content: content() });`;
    writeFileSync(join(work, "killed.ts"), script);
    const bun = join(import.meta.dirname, "../../node_modules/.bin/bun");
    const child = spawn(bun, [join(work, "killed.ts")], { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve) => child.stdout.once("data", resolve));
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));
    expect(existsSync(directory)).toBe(true);
    await remover(directory);
    expect(existsSync(directory)).toBe(false);
  });
});

describe("a hostile layer", () => {
  const part = fc.constantFrom(
    "..",
    ".",
    "",
    "a",
    "b",
    "c",
    "up",
    "root",
    ".wh.a",
    ".wh.canary",
    ".wh..wh..opq",
    ".wh..",
    ".wh...",
    "canary",
    "proc",
    "self",
    "fd",
    "3",
  );
  const path = fc
    .tuple(fc.constantFrom("", "/", "../", "../../", "./"), fc.array(part, { minLength: 1, maxLength: 5 }))
    .map(([start, parts]) => start + parts.join("/"));
  const target = fc.oneof(
    path,
    fc.constantFrom("/", "..", "../..", "/proc/self/fd/3", "/proc/1/root", "CANARY", "CANARY/file", "../canary", "."),
  );
  const type = fc.constantFrom<TarType>(
    "file",
    "directory",
    "symlink",
    "symlink",
    "link",
    "fifo",
    "character",
    "block",
  );
  const member = fc.record({
    name: fc.oneof(path, fc.constant("CANARY/file")),
    type,
    linkname: target,
    mode: fc.constantFrom(0o755, 0o4777, 0, 0o2770),
  });

  it("changes nothing outside of its directory, whatever it says", async () => {
    const canary = join(work, "canary");
    mkdirSync(canary);
    writeFileSync(join(canary, "file"), "untouched");
    symlinkSync("file", join(canary, "link"));
    const before = listTree(canary, { directoryTimes: true });
    const around = readdirSync(work).sort();
    const { zygote } = await startExecutor(process.env.LIBCT_TEST_EXECUTOR);
    const outcomes = new Set<string>();
    try {
      await fc.assert(
        fc.asyncProperty(
          fc.array(member, { minLength: 1, maxLength: 12 }),
          fc.constantFrom("overlay" as const, "applied" as const),
          async (list, whiteouts) => {
            const directory = join(work, "hostile");
            if (whiteouts === "applied") mkdirSync(directory);
            const real = list.map((each) => ({
              ...each,
              name: each.name.replace("CANARY", canary),
              linkname: each.linkname.replace("CANARY", canary),
            }));
            const archive = await archiveOf(
              ...real.map((each) =>
                each.type === "file" ? file(each.name, "hostile", each) : entry(each.name, each.type, each),
              ),
            );
            const { unpackTar } = await import("../../src/image/layer/unpack.ts");
            const error = await failure(
              unpackTar({ executor: zygote, directory, content: inPieces(archive, 700), whiteouts }),
            );
            outcomes.add(error === undefined ? "unpacked" : (error.code ?? error.message));
            expect(["ERR_CT_LAYER", "ERR_CT_SYSCALL", undefined]).toContain(error?.code);
            if (error !== undefined && error.code === undefined) throw error;
            await removeTree(zygote, directory, undefined);
            expect(listTree(canary, { directoryTimes: true })).toEqual(before);
            expect(readdirSync(work).sort()).toEqual(around);
          },
        ),
        { numRuns: 120 },
      );
    } finally {
      await zygote.close();
    }
    expect([...outcomes]).toEqual(expect.arrayContaining(["ERR_CT_LAYER", "unpacked"]));
  });

  it("is removed by several at once, and that is no error for any of them", async () => {
    for (let round = 0; round < 10; round++) {
      const directory = fresh();
      for (let index = 0; index < 50; index++) {
        mkdirSync(join(directory, `${index}`), { recursive: true });
        writeFileSync(join(directory, `${index}/file`), "");
      }
      await Promise.all(Array.from({ length: 4 }, () => remover(directory)));
      expect(existsSync(directory)).toBe(false);
    }
  });

  it("cannot have more directories that no entry is for than fit into memory", async () => {
    const deep = Array.from({ length: 20 }, (_, index) => file(`${index}/${"a/".repeat(500)}x`, "hostile"));
    const directory = fresh();
    const error = await failure(unpack(await archiveOf(...deep), directory, { limits: { retained: 1 << 20 } }));
    expect(error).toMatchObject({ code: "ERR_CT_LAYER", message: expect.stringContaining("more than 1048576 bytes") });
    expect(existsSync(directory)).toBe(false);
  });

  it("cannot give itself overlay's own attributes", async () => {
    const directory = fresh();
    const xattrs = new Map(
      [
        "trusted.overlay.redirect",
        "trusted.overlay.metacopy",
        "user.overlay.opaque",
        "security.selinux",
        "user.mine",
      ].map((name) => [name, Buffer.from("/x")]),
    );
    expect((await unpack(await archiveOf(file("a", "1", { xattrs })), directory)).skipped.xattrs).toBe(4);
    expect(listTree(directory)[1]).toMatch(/ user.mine=0x2f78 /);
    expect(listTree(directory)[1]).not.toMatch(/overlay|selinux/);
  });
});

describe("removing a tree", () => {
  it("goes as deep as it is, through no link, whatever the names and modes", async () => {
    const directory = fresh();
    const outside = join(work, "outside");
    mkdirSync(outside);
    writeFileSync(join(outside, "kept"), "kept");
    mkdirSync(directory);
    const deep = `my $n = "n" x 100; for (1 .. 90) { mkdir $n; chmod 0, "."; chdir $n or die; }
      symlink $ARGV[0], "out"; for (1 .. 1500) { open my $f, ">", $_ } chmod 0, "."`;
    execFileSync("perl", ["-e", deep, outside], { cwd: directory });
    await remover(directory);
    expect(existsSync(directory)).toBe(false);
    expect(readFileSync(join(outside, "kept"), "utf8")).toBe("kept");
  });
});
