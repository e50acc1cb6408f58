import { KEYCTL, PERSONALITY, RLIMIT, u64s } from "../linux/index.ts";
import type { BlockBuilder } from "../program/index.ts";
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
    const resource = Object.entries(RLIMIT).find(([name]) => `RLIMIT_${name}` === limit.type)?.[1] ?? -1;
    const value = (n: number) => (n < 0 ? UNLIMITED : BigInt(n));
    const rlimit = init.memory.bytes(u64s(value(limit.soft), value(limit.hard)));
    init.at(`process.rlimits[${index}]`).sys("prlimit64", [0, resource, rlimit, 0], { why: `set ${limit.type}` });
  });
  if (process.newSessionKeyring) {
    init.at("process.newSessionKeyring").sys("keyctl", [KEYCTL.JOIN_SESSION_KEYRING, 0, 0, 0, 0]);
  }
  if (process.personality) {
    init.at("process.personality").sys("personality", [PERSONALITY[process.personality]]);
  }
}

/** Kernel parameters of the container's namespaces, and its names. */
export function setKernelParameters(c: Context): void {
  const { init, resolved: r } = c;
  for (const [name, value] of Object.entries(r.spec.sysctl ?? {})) {
    // Some interface names have dots: sysctl(8) writes such names with slashes.
    const file = name.includes("/") ? name : name.replaceAll(".", "/");
    writeProc(init.at(`sysctl.${name}`), c.proc, `sys/${file}`, value, `set ${name}`);
  }
  for (const [member, call] of [
    ["hostname", "sethostname"],
    ["domainname", "setdomainname"],
  ] as const) {
    const name = r.spec[member];
    if (name !== undefined) init.at(member).sys(call, [init.str(name), new TextEncoder().encode(name).length]);
  }
}
