import type { FileHandle } from "node:fs/promises";
import { posix } from "node:path";
import { LibctError } from "../../errors.ts";
import { BLOCK, type TarEntry } from "../layer/tar-entry.ts";
import { isZeroBlock, parseHeader } from "../layer/tar-header.ts";
import { padding, TarReader } from "../layer/tar-reader.ts";

/** Where a member's content lies in an archive. */
export interface Extent {
  readonly offset: number;
  readonly size: number;
}

/** An image has some files for each of its layers; so many members are another kind of archive. */
const MOST_MEMBERS = 100_000;
/** As the reader of layers has it. */
const LARGEST_METADATA = 1024 * 1024;
/** Looked at again with each member. */
const LARGEST_GLOBAL = 4096;
/** As the kernel has it (PATH_MAX); of all members together they are kept in memory. */
const LONGEST_NAME = 4096;
const LONGEST_NAMES = 16 * 1024 * 1024;
/** Of links to links. */
const MOST_LINKS = 8;

/** Where the files of an archive lie, by their names without "./". Only headers are read, so a large archive takes no longer than a small one. */
export async function indexTar(file: FileHandle, path: string): Promise<ReadonlyMap<string, Extent>> {
  const files = new Map<string, Extent>();
  const links = new Map<string, string>();
  let length = 0;
  for await (const { entry, offset } of entriesOf(file, path)) {
    if (files.size + links.size > MOST_MEMBERS) throw bad(path, `it has more than ${MOST_MEMBERS} members`);
    if (Math.max(entry.name.length, entry.linkname.length) > LONGEST_NAME) throw bad(path, "a name in it is too long");
    length += entry.name.length + entry.linkname.length;
    if (length > LONGEST_NAMES) throw bad(path, `its names are longer than ${LONGEST_NAMES} bytes together`);
    const name = normalized(entry.name);
    if (entry.type === "file") files.set(name, { offset, size: entry.size });
    // docker save before version 25 writes a layer once, and links to it.
    if (entry.type === "symlink") links.set(name, normalized(posix.join(posix.dirname(name), entry.linkname)));
    if (entry.type === "link") links.set(name, normalized(entry.linkname));
  }
  for (const name of links.keys()) {
    const found = follow(name, files, links);
    if (found) files.set(name, found);
  }
  return files;
}

const normalized = (name: string): string => posix.normalize(`/${name}`).slice(1);

function follow(
  name: string,
  files: ReadonlyMap<string, Extent>,
  links: ReadonlyMap<string, string>,
): Extent | undefined {
  let at: string | undefined = name;
  for (let steps = 0; at !== undefined && steps <= MOST_LINKS; steps++) {
    const found = files.get(at);
    if (found) return found;
    at = links.get(at);
  }
  return undefined;
}

async function* entriesOf(
  file: FileHandle,
  path: string,
): AsyncGenerator<{ readonly entry: TarEntry; readonly offset: number }> {
  let [at, globals, before, length]: [number, Buffer, Buffer[], number] = [0, Buffer.of(), [], 0];
  for (;;) {
    const block = await readAt(file, at, BLOCK);
    if (block.length < BLOCK || isZeroBlock(block)) {
      if (block.length > 0 && block.length < BLOCK) throw bad(path, "it is cut off");
      return;
    }
    const { type, size } = readHeader(block, path);
    at += BLOCK;
    if ("xgLK".includes(type)) {
      const most = type === "g" ? LARGEST_GLOBAL : LARGEST_METADATA - length;
      if (size < 0 || size > most) throw bad(path, `a header has ${size} bytes`);
      const whole = Buffer.concat([block, await readAt(file, at, size + padding(size))]);
      if (type === "g") globals = whole;
      else before.push(whole);
      length += type === "g" ? 0 : whole.length;
      at += size + padding(size);
      continue;
    }
    const entry = describe(Buffer.concat([globals, ...before, block]), path);
    [before, length] = [[], 0];
    if (entry) {
      yield { entry, offset: at };
      at += entry.size + padding(entry.size);
    }
  }
}

function readHeader(block: Uint8Array, path: string): ReturnType<typeof parseHeader> {
  try {
    return parseHeader(block);
  } catch (cause) {
    throw bad(path, "it is no tar archive, or a damaged one", cause);
  }
}

/** Undefined of what is no member, such as the label of a volume. */
function describe(headers: Uint8Array, path: string): TarEntry | undefined {
  const { type } = parseHeader(headers.subarray(headers.length - BLOCK));
  if (type === "V") return undefined;
  for (const event of new TarReader().push(headers)) {
    if (event.kind === "entry" && type !== "S") return event.entry;
  }
  throw bad(path, "it has sparse members, which archives of images have not");
}

async function readAt(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(buffer, done, length - done, at + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}

const bad = (path: string, why: string, cause?: unknown) =>
  new LibctError("ERR_CT_IMAGE", `${path} is no archive of images: ${why}`, { path, cause });
