import { badLayer } from "./layer-error.ts";
import type { TarEntry } from "./tar-entry.ts";

/** Of what a map and an object take for each. */
const EACH = 128;

/** Counts what is kept in memory until the layer is whole: names and attributes of directories, names that are hidden. A small layer can have very much of it. */
export class Retained {
  #bytes = 0;
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  take(path: string, entry?: TarEntry): void {
    this.#bytes += EACH + path.length;
    for (const [name, value] of entry?.xattrs ?? []) this.#bytes += EACH + name.length + value.length;
    if (this.#bytes <= this.#most) return;
    throw badLayer(`the layer's directories have names and attributes of more than ${this.#most} bytes`, {
      hint: "limits of unpacking can be raised by the option `limits`",
    });
  }
}
