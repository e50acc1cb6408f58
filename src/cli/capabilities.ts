import { CAPABILITIES, capabilityNumber } from "../linux/index.ts";
import { DEFAULT_CAPABILITIES } from "../spec/index.ts";
import { wrong } from "./parse.ts";

const ALL = "ALL";

/**
 * The usual set, plus and minus what was said. As in docker, ALL is what one starts from: `--cap-drop ALL --cap-add X` leaves X, and
 * `--cap-add ALL --cap-drop X` all but X, in whatever order. `all` is what can be given here.
 */
export function parseCapabilities(
  add: readonly string[],
  drop: readonly string[],
  all: readonly string[] = CAPABILITIES,
  usual: readonly string[] = DEFAULT_CAPABILITIES,
): readonly string[] {
  const [added, dropped] = [names("--cap-add", add), names("--cap-drop", drop)];
  const both = add.find((_, index) => dropped.has(added.list[index] ?? ""));
  if (both !== undefined) throw wrong("--cap-add", both, "one that --cap-drop does not take away again");
  const base = added.has(ALL) ? all : dropped.has(ALL) ? [] : usual;
  const set = new Set([...base.filter((name) => !dropped.has(name)), ...added.list]);
  return CAPABILITIES.filter((name) => set.has(name));
}

function names(
  flag: string,
  words: readonly string[],
): { readonly list: readonly string[]; has(name: string): boolean } {
  const list = words.map((word) => {
    const upper = word.toUpperCase();
    if (upper === ALL) return ALL;
    const name = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
    if (capabilityNumber(name) !== undefined) return name;
    throw wrong(flag, word, "a capability such as NET_ADMIN, or ALL (see capabilities(7))");
  });
  return { list, has: (name) => list.includes(name) };
}

/** The capabilities that a process has, from its /proc/PID/status. */
export function permittedCapabilities(status: string): readonly string[] {
  const mask = BigInt(`0x${/^CapPrm:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  return CAPABILITIES.filter((_, number) => (mask & (1n << BigInt(number))) !== 0n);
}
