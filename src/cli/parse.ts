import { readFileSync } from "node:fs";
import { LibctError } from "../errors.ts";
import { RLIMIT } from "../linux/index.ts";
import {
  type IdMapping,
  NAMESPACE_TYPES,
  type Namespace,
  parseDuration,
  parseSize,
  type Rlimit,
} from "../spec/index.ts";

/** A flag whose value cannot be meant: the flag, the value, what was expected. */
export function wrong(flag: string, value: string, expected: string, hint?: string): LibctError {
  return new LibctError("ERR_CT_USAGE", `${flag} ${JSON.stringify(value)}: expected ${expected}`, { hint });
}

/** What a file holds that a flag names. */
export function readText(flag: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const said =
      code === "ENOENT" ? "does not exist" : code === "EISDIR" ? "is a directory" : `cannot be read: ${code}`;
    throw new LibctError("ERR_CT_USAGE", `${flag} ${JSON.stringify(file)}: the file ${said}`, {
      path: file,
      errno: code,
      cause,
    });
  }
}

/** NAME=SOFT[:HARD], as docker has it: nofile=1024:2048, core=0, nproc=unlimited. */
export function parseUlimit(word: string): Rlimit {
  const match = /^(?:RLIMIT_)?([a-z]+)=(-1|\d+|unlimited)(?::(-1|\d+|unlimited))?$/i.exec(word);
  const [, given = "", first = "", second = first] = match ?? [];
  const name = given.toUpperCase();
  if (!(name in RLIMIT)) {
    const names = Object.keys(RLIMIT).map((known) => known.toLowerCase());
    throw wrong("--ulimit", word, "NAME=SOFT[:HARD], such as nofile=1024:2048", `names are ${names.join(", ")}`);
  }
  const [soft, hard] = [limitOf(first), limitOf(second)];
  if (hard !== -1 && (soft === -1 || soft > hard)) throw wrong("--ulimit", word, "a soft limit within the hard one");
  return { type: `RLIMIT_${name}`, soft, hard };
}

const limitOf = (text: string) => (text.toLowerCase() === "unlimited" ? -1 : Number(text));

/** NAME=VALUE */
export function parseSysctl(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf("=");
      if (at <= 0) throw wrong("--sysctl", word, "NAME=VALUE, such as net.ipv4.ip_forward=1");
      return [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}

const HIGHEST_ID = 0xffff_fffe; // (uid_t) -1 means "no change" (setresuid(2))

/** CONTAINER:HOST:SIZE */
export function parseIdMap(flag: string, word: string): IdMapping {
  const [, ...parts] = /^(\d+):(\d+):(\d+)$/.exec(word) ?? [];
  const [containerID = 0, hostID = 0, size = 0] = parts.map(Number);
  if (size < 1 || Math.max(containerID, hostID) + size - 1 > HIGHEST_ID) {
    throw wrong(flag, word, "CONTAINER:HOST:SIZE, such as 0:100000:65536");
  }
  return { containerID, hostID, size };
}

/** TYPE, or TYPE=PATH to join one. */
export function parseNamespace(flag: string, word: string): Namespace {
  const at = word.indexOf("=");
  const [name, path] = at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
  const type = NAMESPACE_TYPES.find((known) => known === (ALIASES[name] ?? name));
  if (!type) throw wrong(flag, word, `one of ${NAMESPACE_TYPES.join(", ")}`);
  if (path === undefined) return { type };
  if (!path.startsWith("/")) throw wrong(flag, word, "a path from / on, such as network=/proc/123/ns/net");
  return { type, path };
}

/** The kernel's own names in /proc/PID/ns. */
const ALIASES: Readonly<Record<string, string>> = { net: "network", mnt: "mount" };

/** A whole number within limits. */
export function parseInteger(flag: string, word: string, least: number, most: number): number {
  const value = /^-?\d+$/.test(word) ? Number(word) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw wrong(
    flag,
    word,
    most === Number.MAX_SAFE_INTEGER ? `a whole number from ${least} on` : `a whole number from ${least} to ${most}`,
  );
}

/** Seconds that fit into 31 bits of milliseconds. */
const LONGEST_TIMER = 0x7fff_ffff / 1000;

/** When a command is stopped: after seconds, after bytes. */
export interface Limits {
  readonly timeout: number | undefined;
  readonly maxOutput: number | undefined;
}

export function parseLimits(flags: { readonly timeout?: string; readonly maxOutput?: string }): Limits {
  const timeout = flags.timeout === undefined ? undefined : parseDuration(flags.timeout, "--timeout");
  if (timeout === 0)
    throw wrong("--timeout", flags.timeout ?? "", "a time above 0", "without the flag there is no limit");
  // A timer of the runtime that is set to more goes off at once.
  if (timeout !== undefined && timeout > LONGEST_TIMER)
    throw wrong("--timeout", flags.timeout ?? "", "at most 24 days");
  const maxOutput = flags.maxOutput === undefined ? undefined : parseSize(flags.maxOutput, "--max-output");
  return { timeout, maxOutput };
}
