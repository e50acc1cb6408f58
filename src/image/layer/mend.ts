import { LibctError } from "../../errors.ts";
import { AT, E, errnoName, O, openFlags } from "../../linux/index.ts";
import type { WrittenCall } from "../../program/index.ts";
import { beside } from "./beside.ts";
import { badLayer } from "./layer-error.ts";
import { show } from "./layer-names.ts";
import { portions } from "./portions.ts";
import { removeBelow } from "./remove-below.ts";
import type { Retained } from "./retained.ts";
import type { Session } from "./session.ts";
import type { TarEntry } from "./tar-entry.ts";

/** A run of operations of a call, up to the first of the next step. */
export interface LayerStep {
  readonly first: number;
  readonly kind: "make" | "content" | "attributes" | "whiteout" | "opaque" | "sync";
  readonly path: string;
  readonly entry: TarEntry | undefined;
}

export interface LayerCall extends WrittenCall {
  readonly steps: readonly LayerStep[];
}

/** What could not be kept, and of how many entries. */
export interface Skipped {
  /** In a user namespace no devices can be made. */
  readonly devices: number;
  /** Owners, where there is but one id. */
  readonly owners: number;
  /** Extended attributes that the filesystem or the kernel does not take from this user, or that no layer may have. */
  readonly xattrs: number;
}

/** The code of SEND for the results of several calls. */
const RESULTS = 4;

/** System calls that make a name. */
const MAKES: ReadonlySet<string> = new Set(["openat", "mkdirat", "symlinkat", "mknodat", "linkat"]);

/**
 * Most entries can be made just so. When one cannot, it is found out why, and mended: a directory is missing that the archive has not, or there is already
 * something of that name.
 */
export class Mender {
  /** Directories and what is to be set when all is in them. */
  readonly #directories = new Map<string, TarEntry>();
  readonly #retained: Retained;
  /** Directories that hide what the layers below have in them. */
  readonly opaque = new Set<string>();
  /** Directories that were made though no entry said so. */
  readonly implied: string[] = [];
  readonly skipped: { -readonly [K in keyof Skipped]: Skipped[K] } = { devices: 0, owners: 0, xattrs: 0 };
  readonly #marks: readonly string[];
  #session: Session<LayerCall> | undefined;

  constructor(marks: readonly string[], retained: Retained) {
    this.#marks = marks;
    this.#retained = retained;
  }

  get directories(): ReadonlyMap<string, TarEntry> {
    return this.#directories;
  }

  remember(path: string, entry: TarEntry): void {
    this.#retained.take(path, entry);
    this.#directories.set(path, entry);
  }

  set session(session: Session<LayerCall>) {
    this.#session = session;
  }

  /** Something else has now the name of what may have been a directory. */
  forget(path: string): void {
    if (this.#directories.delete(path)) this.#forgetBelow(path);
  }

  async mend(call: LayerCall, op: number, errno: number): Promise<number> {
    const index = call.steps.findLastIndex(({ first }) => first <= op);
    const step = call.steps[index];
    const name = call.calls[op] ?? "";
    if (!step) throw callError("prepare the layer's directory", name, errno, {});
    const next = call.steps[index + 1]?.first ?? call.calls.length - 1;
    if (errno === E.ENOENT && (MAKES.has(name) || step.kind === "opaque")) {
      if (await this.#makeParents(step)) return op;
      if (name === "linkat") {
        const target = step.entry?.linkname ?? "";
        throw badLayer(`the hard link ${show(step.path)} leads to ${show(target)}, which the layer has not`, {
          path: step.path,
        });
      }
    }
    if (errno === E.EEXIST && MAKES.has(name))
      return (await this.#replace(step)) === "again" ? op : name === "mkdirat" ? op + 1 : next;
    if (name.endsWith("setxattr") && step.kind !== "opaque" && (errno === E.ENOTSUP || errno === E.EPERM)) {
      this.skipped.xattrs++;
      return op + 1;
    }
    // A root that may make no devices: in a container, say (mknod(2), EPERM).
    if (name === "mknodat" && errno === E.EPERM && step.kind === "make" && step.entry?.type !== "fifo") {
      this.skipped.devices++;
      return next;
    }
    // The directory has been replaced by something else since, by way of another name.
    if (step.entry?.type === "directory" && step.kind === "attributes" && (errno === E.ENOENT || errno === E.ENOTDIR))
      return next;
    throw callError(`${PURPOSE[step.kind]} ${show(step.path)} of the layer`, name, errno, { path: step.path });
  }

  /** Whether one had to be made. */
  async #makeParents({ path, kind }: LayerStep): Promise<boolean> {
    const parts = path.split("/");
    const depth = kind === "opaque" ? parts.length : parts.length - 1;
    const parents = Array.from({ length: depth }, (_, index) => parts.slice(0, index + 1).join("/"));
    const before = this.implied.length;
    for (const some of portions(parents)) {
      const made = await this.#makeAll(some);
      for (const directory of made) this.#retained.take(directory);
      this.implied.push(...made);
    }
    return this.implied.length > before;
  }

  /** Gives those that were not there. */
  async #makeAll(directories: readonly string[]): Promise<readonly string[]> {
    let results: DataView = new DataView(new ArrayBuffer(0));
    this.#open.onData = (code, bytes) => {
      if (code === RESULTS) results = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    };
    const { errno, op } = await beside(this.#open, (block, text) => {
      const slots = block.memory.zeroed(directories.length * 8);
      const result = block.program.register("result");
      for (const [index, directory] of directories.entries()) {
        block.sys("mkdirat", [AT.FDCWD, text(directory), 0o755], { dst: result, tolerate: [E.EEXIST] });
        block.store(block.memory.at(slots, index * 8), result, 8);
      }
      block.send(RESULTS, slots, directories.length * 8);
    });
    const failed = directories[op >> 1] ?? "";
    if (errno !== 0)
      throw callError(`make the directory ${show(failed)} of the layer`, "mkdirat", errno, { path: failed });
    return directories.filter((_, index) => results.getBigInt64(index * 8, true) === 0n);
  }

  /** What is there gives way, unless it is what is wanted. */
  async #replace({ path, kind, entry }: LayerStep): Promise<"again" | "done"> {
    const isDirectory = await this.#isDirectory(path);
    if (kind === "whiteout") {
      // What this layer itself has is not hidden, but hides already; of a directory, all that the layers below have in it.
      if (isDirectory) await this.#makeOpaque(path);
      return "done";
    }
    if (isDirectory && entry?.type === "directory") return "done";
    if (isDirectory) this.#forgetBelow(path);
    await removeBelow(this.#open, path, { itself: true });
    return "again";
  }

  get #open(): Session<LayerCall> {
    if (!this.#session) throw new LibctError("ERR_CT_EXECUTOR", "the session is not open yet");
    return this.#session;
  }

  async #isDirectory(path: string): Promise<boolean> {
    const { errno } = await beside(this.#open, (block, text, arch) => {
      const { DIRECTORY, NOFOLLOW } = openFlags(arch);
      const fd = block.sysResult("directory", "openat", [
        AT.FDCWD,
        text(path),
        O.PATH | O.CLOEXEC | DIRECTORY | NOFOLLOW,
        0,
      ]);
      block.sys("close", [fd]);
    });
    return errno === 0;
  }

  hide(path: string): void {
    this.#retained.take(path);
    this.opaque.add(path);
  }

  async #makeOpaque(path: string): Promise<void> {
    this.hide(path);
    const { errno } = await beside(this.#open, (block, text) => {
      for (const [index, name] of this.#marks.entries()) {
        const tolerate = index > 0 ? [E.ENOTSUP] : [];
        block.sys("lsetxattr", [text(path), block.str(name), block.str("y"), 1, 0], { tolerate });
      }
    });
    if (errno !== 0) throw callError(`hide what lies below ${show(path)}`, "lsetxattr", errno, { path });
  }

  #forgetBelow(path: string): void {
    this.#directories.delete(path);
    for (const known of this.#directories.keys()) if (known.startsWith(`${path}/`)) this.#directories.delete(known);
  }
}

const PURPOSE: Readonly<Record<LayerStep["kind"], string>> = {
  make: "make",
  content: "write",
  attributes: "set the attributes of",
  whiteout: "make the whiteout for",
  opaque: "make opaque",
  sync: "write to the disk",
};

function callError(what: string, syscall: string, number: number, details: { readonly path?: string }): LibctError {
  const errno = errnoName(number);
  return new LibctError("ERR_CT_SYSCALL", `${what}: ${syscall || "write"}: ${errno}`, {
    ...details,
    syscall,
    errno,
    hint: HINTS.get(number),
  });
}

const HINTS = new Map<number, string>([
  [E.ENOSPC, "the disk is full, or has no more inodes"],
  [E.ENOTDIR, "the archive has something else than a directory above it"],
  [E.ENOTSUP, "the filesystem has no extended attributes of this kind"],
]);
