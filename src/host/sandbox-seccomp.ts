import { defaultSeccomp } from "../compile/index.ts";
import { hostArch } from "../executor/index.ts";
import type { Seccomp } from "../spec/index.ts";

let profile: Seccomp | undefined;

/** Landlock does not know UDP, nor who listens on a Unix socket: without network no socket can be made at all, but for pairs. */
export function withoutSockets(): Seccomp {
  if (profile) return profile;
  const base = defaultSeccomp(hostArch(), [], { major: 6, minor: 0 });
  const syscalls = (base.syscalls ?? [])
    .map((rule) => ({ ...rule, names: rule.names.filter((name) => name !== "socket" && name !== "socketcall") }))
    .filter((rule) => rule.names.length > 0);
  profile = { ...base, syscalls };
  return profile;
}
