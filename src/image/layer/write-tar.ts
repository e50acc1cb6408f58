import { badLayer } from "./layer-error.ts";
import { encodeName } from "./name-bytes.ts";
import { BLOCK, type NewTarEntry, type TarType } from "./tar-entry.ts";
import { padding } from "./tar-reader.ts";

/** An entry and its content, which has exactly `size` bytes. */
export interface TarContent {
  readonly entry: NewTarEntry;
  readonly content?: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

const TYPE_LETTER: Readonly<Record<TarType, string>> = {
  file: "0",
  link: "1",
  symlink: "2",
  character: "3",
  block: "4",
  directory: "5",
  fifo: "6",
};

/** The bytes of an archive: ustar, with a pax header before an entry that needs one. Equal entries give equal bytes. */
export async function* writeTar(
  members: AsyncIterable<TarContent> | Iterable<TarContent>,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const { entry, content = [] } of members) {
    yield tarHeader(entry);
    let written = 0;
    for await (const part of content) {
      written += part.length;
      if (written > (entry.size ?? 0)) break;
      yield part;
    }
    if (written !== (entry.size ?? 0)) {
      throw badLayer(
        `${entry.name} has ${written} bytes, not ${entry.size ?? 0} as was said; it changed while it was read`,
        {
          path: entry.name,
        },
      );
    }
    if (padding(written) > 0) yield new Uint8Array(padding(written));
  }
  yield TAR_END;
}

/** Two blocks of zeroes. */
export const TAR_END = new Uint8Array(2 * BLOCK);

/** What precedes an entry's content: its header, and a pax header when something does not fit there. */
export function tarHeader(entry: NewTarEntry): Uint8Array {
  const name = encodeName(entry.type === "directory" && !entry.name.endsWith("/") ? `${entry.name}/` : entry.name);
  const linkname = encodeName(entry.linkname ?? "");
  const split = splitName(name);
  const records = paxRecords(entry, split === undefined ? name : undefined, linkname);
  const fields = { name: split?.name ?? name.subarray(0, 100), prefix: split?.prefix, linkname };
  const own = ustarHeader(entry, fields, TYPE_LETTER[entry.type], entry.size ?? 0);
  if (records.length === 0) return own;
  const size = records.length + padding(records.length);
  const pax = { name: encodeName("PaxHeaders/0"), prefix: undefined, linkname: new Uint8Array(0) };
  const head = ustarHeader({ name: "", type: "file" }, pax, "x", records.length);
  const bytes = new Uint8Array(BLOCK + size + BLOCK);
  bytes.set(head);
  bytes.set(records, BLOCK);
  bytes.set(own, BLOCK + size);
  return bytes;
}

interface NameFields {
  readonly name: Uint8Array;
  readonly prefix: Uint8Array | undefined;
  readonly linkname: Uint8Array;
}

function ustarHeader(entry: NewTarEntry, fields: NameFields, type: string, size: number): Uint8Array {
  const block = new Uint8Array(BLOCK);
  block.set(fields.name, 0);
  octal(block, 100, 8, entry.mode ?? 0o644);
  octal(block, 108, 8, entry.uid ?? 0);
  octal(block, 116, 8, entry.gid ?? 0);
  octal(block, 124, 12, size);
  octal(block, 136, 12, entry.mtime?.seconds ?? 0);
  block[156] = type.charCodeAt(0);
  block.set(fields.linkname.subarray(0, 100), 157);
  block.set(encodeName("ustar\x0000"), 257);
  block.set(encodeName(entry.uname ?? "").subarray(0, 31), 265);
  block.set(encodeName(entry.gname ?? "").subarray(0, 31), 297);
  octal(block, 329, 8, entry.major ?? 0);
  octal(block, 337, 8, entry.minor ?? 0);
  if (fields.prefix) block.set(fields.prefix, 345);
  let sum = 8 * 0x20;
  for (const byte of block) sum += byte;
  octal(block, 148, 7, sum);
  block[155] = 0x20;
  return block;
}

/** What does not fit holds a zero: it is in the pax header. */
function octal(block: Uint8Array, at: number, length: number, value: number): void {
  const digits = fits(value, length) ? value.toString(8) : "0";
  block.set(encodeName(digits.padStart(length - 1, "0")), at);
}

const fits = (value: number, length: number) => value >= 0 && value < 8 ** (length - 1);

/** A name of up to 255 bytes in two fields, divided at a slash; undefined when it does not go. */
function splitName(name: Uint8Array): { readonly name: Uint8Array; readonly prefix?: Uint8Array } | undefined {
  if (name.some((byte) => byte > 127)) return undefined;
  if (name.length <= 100) return { name };
  const slash = name.indexOf(0x2f, Math.max(1, name.length - 101));
  if (slash < 0 || slash > 155 || slash === name.length - 1) return undefined;
  return { prefix: name.subarray(0, slash), name: name.subarray(slash + 1) };
}

/** Records in a fixed order; attributes by their names. `longName` is one that the header cannot hold. */
function paxRecords(entry: NewTarEntry, longName: Uint8Array | undefined, linkname: Uint8Array): Uint8Array {
  const records: [string, Uint8Array][] = [];
  const { uid = 0, gid = 0, size = 0, mtime, xattrs = new Map<string, Uint8Array>() } = entry;
  if (longName) records.push(["path", longName]);
  if (linkname.length > 100 || linkname.some((byte) => byte > 127)) records.push(["linkpath", linkname]);
  if (!fits(size, 12)) records.push(["size", encodeName(String(size))]);
  if (!fits(uid, 8)) records.push(["uid", encodeName(String(uid))]);
  if (!fits(gid, 8)) records.push(["gid", encodeName(String(gid))]);
  if (mtime && (mtime.nanoseconds !== 0 || !fits(mtime.seconds, 12)))
    records.push(["mtime", encodeName(timeText(mtime))]);
  for (const name of [...xattrs.keys()].sort()) {
    records.push([`SCHILY.xattr.${name}`, xattrs.get(name) ?? new Uint8Array(0)]);
  }
  const parts = records.map(([key, value]) => paxRecord(key, value));
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function timeText({ seconds, nanoseconds }: { readonly seconds: number; readonly nanoseconds: number }): string {
  if (seconds < 0 && nanoseconds > 0) return `-${timeText({ seconds: -seconds - 1, nanoseconds: 1e9 - nanoseconds })}`;
  const fraction = String(nanoseconds).padStart(9, "0").replace(/0+$/, "");
  return fraction === "" ? String(seconds) : `${seconds}.${fraction}`;
}

/** "LENGTH KEY=VALUE\n", whose length counts its own digits. */
function paxRecord(key: string, value: Uint8Array): Uint8Array {
  const start = encodeName(key);
  const rest = start.length + value.length + 3;
  let length = rest + String(rest).length;
  if (String(length).length + rest > length) length = rest + String(length).length;
  const bytes = new Uint8Array(length);
  const digits = encodeName(String(length));
  bytes.set(digits);
  bytes[digits.length] = 0x20;
  bytes.set(start, digits.length + 1);
  bytes[digits.length + 1 + start.length] = 0x3d;
  bytes.set(value, digits.length + 2 + start.length);
  bytes[length - 1] = 0x0a;
  return bytes;
}
