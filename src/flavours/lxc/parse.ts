import { LibctError } from "../../errors.ts";
import { absolutePath } from "../../linux/index.ts";
import type { Entry, ImportContext } from "../index.ts";
import { presentKey } from "./legacy.ts";

type Files = Pick<ImportContext, "read" | "list" | "kind">;

/**
 * The entries of a configuration in their order, files that it includes in their place, with the names that keys have since LXC 2.1. An entry without a value
 * takes back what was said under its key, or below it.
 * @see lxc.container.conf(5)
 */
export function parseConfig(path: string, files: Files): readonly Entry[] {
  const reader = new Reader(files);
  reader.include(path, []);
  return reader.entries;
}

/** Deeper than any that people write. */
const DEEPEST = 16;

class Reader {
  entries: Entry[] = [];
  readonly #files: Files;
  #networks = -1;

  constructor(files: Files) {
    this.#files = files;
  }

  include(path: string, from: readonly string[]): void {
    if (from.includes(path) || from.length > DEEPEST) {
      throw new LibctError("ERR_CT_INVALID_SPEC", `${path} includes itself: ${[...from, path].join(" -> ")}`, {
        path,
        member: "lxc.include",
      });
    }
    if (this.#files.kind(path) === "directory") {
      const names = [...(this.#files.list(path) ?? [])].filter((name) => name.endsWith(".conf")).sort();
      for (const name of names) this.include(`${path.replace(/\/+$/, "")}/${name}`, [...from, path]);
      return;
    }
    const text = this.#files.read(path);
    if (text === undefined) {
      const by = from.at(-1);
      throw new LibctError("ERR_CT_INVALID_SPEC", `${path} cannot be read${by ? `, which ${by} includes` : ""}`, {
        path,
        errno: "ENOENT",
        ...(by && { member: "lxc.include" }),
      });
    }
    for (const [index, line] of text.split("\n").entries()) this.#line(line, `${path}:${index + 1}`, path, from);
  }

  #line(line: string, where: string, path: string, from: readonly string[]): void {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) return;
    const equals = trimmed.indexOf("=");
    if (equals < 0) {
      throw new LibctError("ERR_CT_INVALID_SPEC", `${where}: ${JSON.stringify(trimmed)} is no "key = value"`, { path });
    }
    const written = trimmed.slice(0, equals).trim();
    const value = unquoted(trimmed.slice(equals + 1).trim());
    if (written === "lxc.include") {
      const directory = path.slice(0, path.lastIndexOf("/"));
      this.include(absolutePath(value.startsWith("/") ? value : `${directory}/${value}`), [...from, path]);
      return;
    }
    if (written === "lxc.network.type" && value !== "") this.#networks += 1;
    const key = presentKey(written, this.#networks);
    if (value === "") this.entries = this.entries.filter((one) => one.key !== key && !one.key.startsWith(`${key}.`));
    else this.entries.push({ key, value, where });
  }
}

/** "Values may be quoted" (confile.c, since LXC 2.0.6): the quotes do not belong to them. */
const unquoted = (value: string) => /^(["'])(.*)\1$/.exec(value)?.[2] ?? value;
