import { KEYCTL, PERSONALITY, RLIMIT, u64s } from "../linux/index.ts";
import type { BlockBuilder } from "../program/index.ts";
import type { ContainerSpec, Rlimit } from "../spec/index.ts";
import { type Context, type ProcessContext, writeProc } from "./context.ts";

const UNLIMITED = (1n << 64n) - 1n;

/** The OOM killer's score, which children inherit (proc_pid_oom_score_adj(5)). */
export function setOomScore(block: BlockBuilder, c: ProcessContext): void {
  const { oomScoreAdj } = c.resolved.process;
  if (oomScoreAdj === undefined) return;
  block.at("process.oomScoreAdj");
  writeProc(block, c.proc, "self/oom_score_adj", String(oomScoreAdj), "set the OOM score");
}

/** Resource limits, personality and keyring: what a process has of its own besides identity. */
export function setLimits(c: ProcessContext): void {
  const { init, resolved: r } = c;
  const { process } = r;
  (process.rlimits ?? []).forEach((limit, index) => {
    const rlimit = init.memory.bytes(rlimitBytes(limit));
    const why = `set ${limit.type}`;
    init.at(`process.rlimits[${index}]`).sys("prlimit64", [0, rlimitNumber(limit), rlimit, 0], { why });
  });
  if (process.newSessionKeyring) {
    init.at("process.newSessionKeyring").sys("keyctl", [KEYCTL.JOIN_SESSION_KEYRING, 0, 0, 0, 0]);
  }
  if (process.personality) {
    const { personality } = process;
    const domain = typeof personality === "string" ? personality : personality.domain;
    init.at("process.personality").sys("personality", [PERSONALITY[domain]]);
  }
}

export const rlimitNumber = ({ type }: Rlimit): number =>
  Object.entries(RLIMIT).find(([name]) => `RLIMIT_${name}` === type)?.[1] ?? -1;

/** struct rlimit64 */
export function rlimitBytes({ soft, hard }: Rlimit): Uint8Array {
  const value = (n: number) => (n < 0 ? UNLIMITED : BigInt(n));
  return u64s(value(soft), value(hard));
}

/** Kernel parameters of the container's namespaces, and its names. */
export function setKernelParameters(c: Context): void {
  const { init, resolved: r } = c;
  for (const [name, value] of Object.entries(r.spec.sysctl ?? {})) {
    writeProc(init.at(`sysctl.${name}`), c.proc, sysctlFile(name), value, `set ${name}`);
  }
  setNames(init, r.spec);
}

/** Some interface names have dots: sysctl(8) writes such names with slashes. */
export const sysctlFile = (name: string) => `sys/${name.includes("/") ? name : name.replaceAll(".", "/")}`;

export function setNames(block: BlockBuilder, names: Pick<ContainerSpec, "hostname" | "domainname">): void {
  for (const [member, call] of [
    ["hostname", "sethostname"],
    ["domainname", "setdomainname"],
  ] as const) {
    const name = names[member];
    if (name !== undefined) block.at(member).sys(call, [block.str(name), new TextEncoder().encode(name).length]);
  }
}
