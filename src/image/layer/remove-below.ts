import { LibctError } from "../../errors.ts";
import { AT, E, errnoName } from "../../linux/index.ts";
import type { WrittenCall } from "../../program/index.ts";
import { beside } from "./beside.ts";
import { show } from "./layer-names.ts";
import { type Listed, listDirectory } from "./list-directory.ts";
import { portions } from "./portions.ts";
import type { Session } from "./session.ts";

export interface RemoveOptions {
  /** Whether the thing itself goes, too, and not only what is in it. */
  readonly itself: boolean;
  /** Paths that stay, with all directories above them. */
  readonly keep?: ReadonlySet<string>;
}

/** Beyond it a directory is moved up before it is entered: a path may have 4,095 bytes, and people make deeper trees. */
const LONG_PATH = 3000;

/** Removes a tree of unknown content in a session's directory. No symbolic link is followed. */
export async function removeBelow<Call extends WrittenCall>(
  session: Session<Call>,
  path: string,
  options: RemoveOptions,
): Promise<void> {
  const remover = new Remover(session, options.keep ?? new Set());
  if (options.itself && (await remover.unlink([path])).length === 0) return;
  await remover.empty(path);
  if (options.itself && options.keep?.has(path) !== true) await remover.rmdir(path);
}

class Remover<Call extends WrittenCall> {
  readonly #session: Session<Call>;
  readonly #keep: ReadonlySet<string>;
  #moved = 0;

  constructor(session: Session<Call>, keep: ReadonlySet<string>) {
    this.#session = session;
    this.#keep = keep;
  }

  /** Directories to be emptied, and after all that is in them, to be removed: on a stack of our own, as they may be deep. */
  async empty(top: string): Promise<void> {
    const stack: { readonly path: string; entered: boolean }[] = [{ path: top, entered: false }];
    for (let at = stack.at(-1); at; at = stack.at(-1)) {
      if (at.entered) {
        stack.pop();
        if (at.path !== top && !this.#keep.has(at.path)) await this.rmdir(at.path);
        continue;
      }
      at.entered = true;
      const { path } = at;
      const inside = await listDirectory(this.#session, path);
      for (const child of await this.#clear(inside, path))
        stack.push({ path: await this.#shortened(child), entered: false });
    }
  }

  /** Removes all that is no directory; gives the directories. */
  async #clear(inside: readonly Listed[] | undefined, path: string): Promise<string[]> {
    const below = (name: string) => (path === "." ? name : `${path}/${name}`);
    const directories = inside?.filter(({ isDirectory }) => isDirectory).map(({ name }) => below(name)) ?? [];
    const others = inside?.filter(({ isDirectory }) => !isDirectory).map(({ name }) => below(name)) ?? [];
    const gone = others.filter((name) => !this.#keep.has(name));
    for (const some of portions(gone)) directories.push(...(await this.unlink(some)));
    return directories;
  }

  /** Removes names that are no directories; gives those that are. */
  async unlink(paths: readonly string[]): Promise<string[]> {
    const directories: string[] = [];
    for (let rest = paths; rest.length > 0; ) {
      const now = rest;
      const { errno, op } = await beside(this.#session, (block, text) => {
        for (const path of now) block.sys("unlinkat", [AT.FDCWD, text(path), 0], { tolerate: [E.ENOENT] });
      });
      if (errno === 0) break;
      const path = now[op] ?? "";
      if (errno !== EISDIR) throw removeError(path, errno);
      directories.push(path);
      rest = now.slice(op + 1);
    }
    return directories;
  }

  async rmdir(path: string): Promise<void> {
    const { errno } = await beside(this.#session, (block, text) => {
      block.sys("unlinkat", [AT.FDCWD, text(path), AT.REMOVEDIR], { tolerate: [E.ENOENT] });
    });
    if (errno !== 0) throw removeError(path, errno);
  }

  async #shortened(path: string): Promise<string> {
    if (path.length < LONG_PATH || this.#keep.has(path)) return path;
    const name = `.libct-removed-${this.#moved++}`;
    const { errno } = await beside(this.#session, (block, text) => {
      block.sys("renameat", [AT.FDCWD, text(path), AT.FDCWD, text(name)]);
    });
    if (errno !== 0) throw removeError(path, errno);
    return name;
  }
}

const EISDIR = 21;

function removeError(path: string, number: number): LibctError {
  const errno = errnoName(number);
  const hint =
    number === E.EPERM
      ? "it may be immutable: chattr -i"
      : number === E.EBUSY
        ? "something is mounted there"
        : undefined;
  return new LibctError("ERR_CT_SYSCALL", `remove ${show(path)}: ${errno}`, { syscall: "unlinkat", errno, path, hint });
}
