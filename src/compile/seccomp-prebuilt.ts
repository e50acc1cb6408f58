import type { Arch } from "../linux/index.ts";
import { type CompiledSeccomp, compileSeccomp } from "./seccomp.ts";
import { defaultSeccomp, defaultSeccompKey } from "./seccomp-default.ts";
import { PREBUILT_FILTERS } from "./seccomp-prebuilt-filters.ts";

const decoded = new Map<string, CompiledSeccomp>();

/**
 * The filter of the default profile. For the usual sets of capabilities it was compiled beforehand: that takes some milliseconds in a process that has just
 * started, a large part of what a short command takes.
 */
export function compileDefaultSeccomp(
  arch: Arch,
  capabilities: readonly string[],
  kernel: { readonly major: number; readonly minor: number },
): CompiledSeccomp {
  const key = defaultSeccompKey(arch, capabilities, kernel);
  const known = decoded.get(key);
  if (known) return known;
  const text = PREBUILT_FILTERS[key];
  if (text === undefined) return compileSeccomp(defaultSeccomp(arch, capabilities, kernel), arch);
  const filter = new Uint8Array(Buffer.from(text, "base64"));
  const compiled: CompiledSeccomp = {
    filter,
    instructions: filter.length / 8,
    flags: 0,
    unknownSyscalls: [],
    notify: false,
  };
  decoded.set(key, compiled);
  return compiled;
}
