import { invalid } from "../errors.ts";

/** unit_name_is_valid() of systemd: letters, digits and these; at most 255 bytes (systemd.unit(5)). */
const UNIT = /^[A-Za-z0-9:_.\\@-]+\.(scope|slice)$/;
const LONGEST = 255;

const isUnit = (name: string) => UNIT.test(name) && name.length <= LONGEST;

/** Where a slice lies below the top: "a-b.slice" is "a.slice/a-b.slice", and "-.slice" the top itself (systemd.slice(5)). */
export function expandSlice(slice: string, member: string): string {
  const parts = slice.slice(0, -".slice".length).split("-");
  if (slice === "-.slice") return "";
  if (!isUnit(slice) || !slice.endsWith(".slice") || parts.includes("")) {
    throw invalid(member, slice, 'the name of a slice, such as "system.slice" or "a-b.slice"');
  }
  return parts.map((_, index) => `${parts.slice(0, index + 1).join("-")}.slice`).join("/");
}

/** The name of a scope, as it is or with ".scope" added. */
export function scopeName(name: string, member: string): string {
  const unit = name.endsWith(".scope") ? name : `${name}.scope`;
  if (isUnit(unit) && unit !== ".scope" && !name.endsWith(".slice")) return unit;
  throw invalid(member, name, "the name of a scope: letters, digits and the characters :_.-@ and backslash");
}

/** A name that may have other characters, as part of a unit's (systemd-escape(1)). */
export const escapeUnit = (text: string): string =>
  [...Buffer.from(text)]
    .map((byte, index) => {
      const character = String.fromCharCode(byte);
      const plain = /[A-Za-z0-9:_.-]/.test(character) && !(index === 0 && character === ".");
      return plain ? character : `\\x${byte.toString(16).padStart(2, "0")}`;
    })
    .join("");

const RESERVED = /^(_|\.|cgroup\.|(cpu|cpuacct|cpuset|io|blkio|memory|devices|pids|bpf-[a-z-]+)\.)/;
const FILES = ["notify_on_release", "release_agent", "tasks"];

/** The directory of a unit: names that files of the kernel could have get an underscore (cg_escape() of systemd). */
export const cgroupName = (unit: string): string => (RESERVED.test(unit) || FILES.includes(unit) ? `_${unit}` : unit);
