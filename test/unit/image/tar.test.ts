import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeName, encodeName } from "../../../src/image/layer/name-bytes.ts";
import { readMember, readTar } from "../../../src/image/layer/read-tar.ts";
import type { NewTarEntry, TarEntry } from "../../../src/image/layer/tar-entry.ts";
import { TAR_END, type TarContent, tarHeader, writeTar } from "../../../src/image/layer/write-tar.ts";

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk.slice());
  return Buffer.concat(parts);
}

/** The archive in pieces of that many bytes. */
function* pieces(archive: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < archive.length; at += size) yield archive.subarray(at, at + size);
}

async function read(archive: Uint8Array, size = 7000): Promise<(TarEntry & { readonly text: string })[]> {
  const entries: (TarEntry & { readonly text: string })[] = [];
  for await (const { content, ...entry } of readTar(pieces(archive, size))) {
    entries.push({ ...entry, text: (await collect(content)).toString("latin1") });
  }
  return entries;
}

const archiveOf = (...members: readonly TarContent[]) => collect(writeTar(members));
const file = (name: string, text: string, more: Partial<NewTarEntry> = {}): TarContent => ({
  entry: { name, type: "file", size: text.length, ...more },
  content: [Buffer.from(text, "latin1")],
});

/** A header of which single fields are set by hand; the checksum is made right. */
function header(fields: Readonly<Record<number, string>>, entry: NewTarEntry = { name: "f", type: "file" }): Buffer {
  const block = Buffer.from(tarHeader(entry));
  for (const [at, text] of Object.entries(fields)) block.write(text, Number(at), "latin1");
  block.fill(" ", 148, 156);
  block.write(
    `${block
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, "0")}\0`,
    148,
  );
  return block;
}
const padded = (text: string) =>
  Buffer.concat([Buffer.from(text, "latin1"), Buffer.alloc((512 - (text.length % 512)) % 512)]);

const name = fc
  .array(
    fc.oneof(fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }), fc.constantFrom("..", "usr", "ü", "\udc80")),
    {
      minLength: 1,
      maxLength: 6,
    },
  )
  .map((parts) => decodeName(encodeName(parts.map((part) => part.replace(/[\0/]/g, "_")).join("/"))));
const member = fc.record({
  name,
  type: fc.constantFrom("file" as const, "symlink" as const, "link" as const, "character" as const, "fifo" as const),
  linkname: name,
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.constantFrom(0, 1000, 0o7777777, 0o10000000, 4294967294),
  gid: fc.constantFrom(0, 65534, 4294967294),
  uname: fc.constantFrom("", "root"),
  gname: fc.constant(""),
  major: fc.nat(4095),
  minor: fc.nat(255),
  seconds: fc.constantFrom(0, 1_700_000_000, -1, -86400, 8_589_934_592),
  nanoseconds: fc.constantFrom(0, 1, 500_000_000, 999_999_999),
  text: fc.string({ maxLength: 1500 }).map((text) => text.replace(/[^\0-\xff]/g, "x")),
  xattrs: fc.dictionary(fc.constantFrom("user.a", "security.capability"), fc.uint8Array({ maxLength: 300 })),
});

describe("tar archives", () => {
  it("are read as they were written, in pieces of any size", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(member, { maxLength: 5 }), fc.integer({ min: 1, max: 3000 }), async (list, size) => {
        const wanted = list.map(({ seconds, nanoseconds, text, xattrs, linkname, ...rest }) => ({
          ...rest,
          linkname: rest.type === "file" ? "" : linkname,
          text: rest.type === "file" ? text : "",
          size: rest.type === "file" ? text.length : 0,
          mtime: { seconds, nanoseconds },
          xattrs: new Map(Object.entries(xattrs)),
        }));
        const archive = await archiveOf(
          ...wanted.map(({ text, ...entry }) => ({ entry, content: text === "" ? [] : [Buffer.from(text, "latin1")] })),
        );
        const found = await read(archive, size);
        expect(
          found.map((entry) => ({
            ...entry,
            xattrs: new Map([...entry.xattrs].map(([k, v]) => [k, Uint8Array.from(v)])),
          })),
        ).toEqual(
          wanted.map((entry) =>
            entry.name.endsWith("/") && entry.type === "file"
              ? { ...entry, type: "directory", size: 0, text: expect.anything() }
              : entry,
          ),
        );
      }),
      { numRuns: 60 },
    );
  });

  it("keep names that are not UTF-8", async () => {
    const odd = decodeName(Buffer.from([0x61, 0xff, 0xfe, 0xc3, 0xbc, 0xc3]));
    expect(Buffer.from(encodeName(odd))).toEqual(Buffer.from([0x61, 0xff, 0xfe, 0xc3, 0xbc, 0xc3]));
    expect((await read(await archiveOf(file(odd, "x"))))[0]?.name).toBe(odd);
  });

  it("are read entry by entry when contents are passed over", async () => {
    const archive = await archiveOf(file("a", "x".repeat(5000)), file("b", "y"), file("c", "z".repeat(600)));
    const names: string[] = [];
    for await (const entry of readTar(pieces(archive, 100))) {
      names.push(entry.name);
      if (entry.name === "b") expect(Buffer.from(await readMember(entry, 10)).toString()).toBe("y");
      if (entry.name === "c") for await (const part of entry.content) if (part.length > 0) break;
    }
    expect(names).toEqual(["a", "b", "c"]);
  });

  it("have numbers of base 256", async () => {
    const size = `\x80${"\0".repeat(10)}\x05`;
    const [entry] = await read(
      Buffer.concat([header({ 124: size, 108: "\x80\0\0\0\xff\xff\xff\xfe" }), padded("hello"), TAR_END]),
    );
    expect(entry).toMatchObject({ size: 5, text: "hello", uid: 4294967294 });
    await expect(read(header({ 124: "\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff" }))).rejects.toThrow(
      "beyond all bounds",
    );
    await expect(read(header({ 124: "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" }))).rejects.toThrow(
      "negative size",
    );
  });

  it("have GNU tar's long names", async () => {
    const long = `${"d".repeat(200)}/${"f".repeat(300)}`;
    const link = (letter: string, text: string) => [
      header({ 124: `${(text.length + 1).toString(8).padStart(11, "0")}\0`, 156: letter }),
      padded(`${text}\0`),
    ];
    const archive = Buffer.concat([
      ...link("L", long),
      ...link("K", "t".repeat(150)),
      header({ 156: "2" }),
      header({}, { name: "g", type: "file" }),
      TAR_END,
    ]);
    expect(await read(archive)).toMatchObject([
      { name: long, linkname: "t".repeat(150), type: "symlink" },
      { name: "g", linkname: "" },
    ]);
  });

  it("have pax headers for all entries that follow, which those of an entry replace or take back", async () => {
    const pax = (letter: string, text: string) => [
      header({ 124: `${text.length.toString(8).padStart(11, "0")}\0`, 156: letter }),
      padded(text),
    ];
    const archive = Buffer.concat([
      ...pax("g", "12 uid=4711\n18 path=from global\n".replace("18 ", "20 ").replace("from global", "from global")),
      header({}),
      ...pax("x", "8 path=\n"),
      header({}),
      ...pax("x", "7 uid=\n"),
      header({}),
      TAR_END,
    ]);
    expect(await read(archive)).toMatchObject([
      { name: "from global", uid: 4711 },
      { name: "f", uid: 4711 },
      { name: "from global", uid: 0 },
    ]);
  });

  it("have sparse files of GNU tar's forms", async () => {
    const old = header({
      124: "00000000012\0",
      156: "S",
      386: "00000000002\x0000000000004\0",
      410: "00000000020\x0000000000006\0",
      483: "00000000031\0",
    });
    const records = (...list: readonly string[]) => list.map((record) => `${record.length + 4} ${record}\n`).join("");
    const pax = (text: string) => [
      header({ 124: `${text.length.toString(8).padStart(11, "0")}\0`, 156: "x" }),
      padded(text),
    ];
    const text01 = records("GNU.sparse.size=25", "GNU.sparse.name=s01", "GNU.sparse.map=2,4,16,6");
    const text00 = records(
      "GNU.sparse.size=25",
      "GNU.sparse.offset=2",
      "GNU.sparse.numbytes=4",
      "GNU.sparse.offset=16",
      "GNU.sparse.numbytes=6",
    );
    const text10 = records("GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=s10", "GNU.sparse.realsize=25");
    const stored = header({ 124: "00000000012\0" });
    const archive = Buffer.concat([
      ...[old, padded("abcdefghij")],
      ...[...pax(text01), stored, padded("abcdefghij")],
      ...[...pax(text00), stored, padded("abcdefghij")],
      ...[...pax(text10), header({ 124: "00000001012\0" }), padded("2\n2\n4\n16\n6\n"), padded("abcdefghij")],
      TAR_END,
    ]);
    const text = "\0\0abcd\0\0\0\0\0\0\0\0\0\0efghij\0\0\0";
    expect(await read(archive)).toMatchObject([
      { name: "f", size: 25, text },
      { name: "s01", size: 25, text },
      { name: "f", size: 25, text },
      { name: "s10", size: 25, text },
    ]);
    const overlapping = records("GNU.sparse.size=25", "GNU.sparse.map=2,4,5,6");
    await expect(read(Buffer.concat([...pax(overlapping), stored, padded("abcdefghij")]))).rejects.toThrow("sparse");
  });

  it("that are damaged, cut off or none at all are refused", async () => {
    const archive = await archiveOf(file("a", "hello"));
    await expect(read(archive.subarray(0, 514))).rejects.toThrow("cut off");
    await expect(read(archive.subarray(0, 100))).rejects.toThrow("cut off");
    await expect(read(Buffer.from("#!/bin/sh\n".repeat(100)))).rejects.toMatchObject({ code: "ERR_CT_LAYER" });
    await expect(read(header({ 156: "M" }))).rejects.toThrow("unknown type");
    const huge = header({ 124: "77777777777\0", 156: "x" });
    await expect(read(huge)).rejects.toThrow("at most 1048576");
    for (const length of [512 + 5, 600, 1024]) {
      expect(await read(archive.subarray(0, length)), `${length}`).toMatchObject([{ name: "a", text: "hello" }]);
    }
    await expect(read(archive.subarray(0, 512 + 4))).rejects.toThrow("cut off");
  });

  it("cannot make the reader keep or look at more than a bounded part of them", async () => {
    const pax = (letter: string, text: string) => [
      header({ 124: `${text.length.toString(8).padStart(11, "0")}\0`, 156: letter }),
      padded(text),
    ];
    const record = (text: string) => {
      let length = text.length + 3;
      while (`${length} ${text}\n`.length !== length) length++;
      return `${length} ${text}\n`;
    };
    const globals = ["a", "b", "c"].flatMap((key) => pax("g", record(`SCHILY.xattr.${key}=${"v".repeat(30_000)}`)));
    await expect(read(Buffer.concat(globals))).rejects.toThrow("bytes together");
    const keys = Array.from({ length: 300 }, (_, index) => record(`SCHILY.xattr.user.${index}=`)).join("");
    await expect(read(Buffer.concat(pax("g", keys)))).rejects.toThrow("300 records for all entries");
    const comments = Array.from({ length: 300 }, (_, index) => record(`comment.${index}=`)).join("");
    expect(await read(Buffer.concat([...pax("g", comments), header({}), TAR_END]))).toHaveLength(1);
    const repeated = Array.from({ length: 9 }, () => pax("x", record("uid=1"))).flat();
    await expect(read(Buffer.concat(repeated))).rejects.toThrow("more than 8 headers");
    const many = Array.from({ length: 20_000 }, (_, index) => record(`SCHILY.xattr.user.${index}=1234`)).join("");
    const [entry] = await read(Buffer.concat([...pax("x", many), header({}), TAR_END]), 1 << 20);
    expect(entry?.xattrs.size).toBe(20_000);
    const sparse = ["GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.realsize=100000"].map(record).join("");
    const endless = [...pax("x", sparse), header({ 124: "00010000000\0" }), padded(`9999\n${"1\n".repeat(9000)}`)];
    await expect(read(Buffer.concat([...endless, Buffer.alloc(1 << 21, "1")]), 1 << 16)).rejects.toThrow("has no end");
  });

  it("never make the reader do more than give entries or refuse, whatever the bytes", async () => {
    const blocks = fc.array(
      fc.oneof(
        fc
          .dictionary(
            fc.constantFrom("0", "100", "108", "124", "136", "156", "157", "257", "345", "386", "482", "483"),
            fc.string({ maxLength: 12 }),
          )
          .map((fields) => header(fields)),
        fc.uint8Array({ minLength: 512, maxLength: 512 }),
        fc.constant(new Uint8Array(512)),
      ),
      { maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(blocks, async (list) => {
        const error = await read(Buffer.concat(list)).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        if (error !== undefined) expect(error).toMatchObject({ code: "ERR_CT_LAYER" });
      }),
      { numRuns: 300 },
    );
  });

  it("are not written with other contents than were said", async () => {
    await expect(
      archiveOf({ entry: { name: "a", type: "file", size: 3 }, content: [Buffer.from("ab")] }),
    ).rejects.toThrow("changed while it was read");
  });
});
