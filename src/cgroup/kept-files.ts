import { closeSync, constants, openSync } from "node:fs";
import { type FileReader, failedWith, fileError, readOnce, readOpen, unlessRare } from "./files.ts";

/** How many descriptors several `KeptFiles` may still open together. */
export interface DescriptorBudget {
  left: number;
}

/**
 * Reads files of one container again and again by descriptors that stay open: opening a file is four fifths of reading it. What the budget has no room for is
 * opened each time. A descriptor does not hinder the removal of its cgroup.
 */
export class KeptFiles implements FileReader {
  readonly #files = new Map<string, number>();
  readonly #budget: DescriptorBudget;

  constructor(budget: DescriptorBudget) {
    this.#budget = budget;
  }

  read(path: string): string {
    try {
      return this.#read(path);
    } catch (cause) {
      throw fileError("read", path, cause);
    }
  }

  readIfThere(path: string): string | undefined {
    return this.#files.has(path) ? this.read(path) : unlessRare(path, (wanted) => this.#read(wanted));
  }

  close(): void {
    for (const path of [...this.#files.keys()]) this.#close(path);
  }

  #read(path: string): string {
    const known = this.#files.get(path);
    if (known === undefined) return this.#budget.left > 0 ? this.#open(path) : readOnce(path);
    try {
      return readOpen(known);
    } catch (error) {
      this.#close(path);
      // Its cgroup was removed; there may be another one in the same place (cgroupsPath).
      if (!failedWith(error, "ENODEV")) throw error;
      return this.#open(path);
    }
  }

  #open(path: string): string {
    const file = openSync(path, constants.O_RDONLY);
    this.#files.set(path, file);
    this.#budget.left--;
    return readOpen(file);
  }

  #close(path: string): void {
    const file = this.#files.get(path);
    if (file === undefined) return;
    this.#files.delete(path);
    this.#budget.left++;
    closeSync(file);
  }
}
