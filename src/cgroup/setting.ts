import { LibctError } from "../errors.ts";
import { parseSize, type Size } from "../spec/index.ts";

/** A value for a file of a controller, and the member of the specification that it is for. */
export interface Setting {
  readonly controller: string;
  readonly file: string;
  readonly value: string;
  readonly member: string;
  /** Where the same limit goes when this kernel has no such file. */
  readonly otherwise?: { readonly file: string; readonly value: string };
  /** Not there: not needed. */
  readonly optional?: true;
}

/** Collects the settings of one controller; members that are undefined make none. */
export class Settings {
  readonly list: Setting[] = [];
  readonly #controller: string;
  readonly #member: string;

  constructor(controller: string, member: string) {
    this.#controller = controller;
    this.#member = member;
  }

  /** `value` to `file` for the member `name`, when there is a value. */
  add(name: string, file: string, value: string | number | undefined, more: Partial<Setting> = {}): void {
    if (value === undefined) return;
    const member = `${this.#member}${name.startsWith("[") ? "" : "."}${name}`;
    this.list.push({ controller: this.#controller, file, value: String(value), member, ...more });
  }

  /** Refuses a member that this version of cgroups has nothing for: a limit that is not kept must not look as if it were. */
  refuse(name: string, value: unknown, version: 1 | 2, hint?: string): void {
    if (value === undefined || value === false) return;
    throw notInVersion(`${this.#member}.${name}`, version, hint);
  }
}

export function notInVersion(member: string, version: 1 | 2, hint?: string): LibctError {
  const message = `cgroups of version ${version} have nothing like ${member.replace(/^resources\./, "")}`;
  return new LibctError("ERR_CT_NOT_SUPPORTED", message, { member, hint: hint ?? "leave it out" });
}

/** Bytes, or -1. */
export const bytesOf = (size: Size): number => (Number(size) === -1 ? -1 : parseSize(size, "resources"));

/** As the files of version 1 want it. */
export const bytesOrMinusOne = (size: Size | undefined): string | undefined =>
  size === undefined ? undefined : String(bytesOf(size));

/** As the files of version 2 want it. */
export const bytesOrMax = (size: Size | undefined): string | undefined =>
  size === undefined ? undefined : orMax(bytesOf(size));

export const orMax = (value: number): string => (value < 0 ? "max" : String(value));
