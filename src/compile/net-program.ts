import { type Arch, AT, kernelFeatures, O, openFlags } from "../linux/index.ts";
import { type Program, ProgramBuilder } from "../program/index.ts";
import type { NetStep } from "../spec/index.ts";
import { enterHolder, type HolderPlace } from "./net-holder.ts";
import { doSteps, type NetWorker, takeHeld } from "./net-steps.ts";

interface StepsOptions {
  readonly member: string;
  readonly waits?: boolean;
  /** Done on the networks of an ordinary user, not on the host's. */
  readonly holder?: HolderPlace | undefined;
}

/**
 * Steps on the host that belong to no container. What is held is held until they are done; with `waits` until the application, which is notified then, says go.
 */
export function compileNetSteps(
  arch: Arch,
  steps: readonly NetStep[],
  { member, waits = false, holder }: StepsOptions,
): Program {
  const program = new ProgramBuilder(arch);
  const block = program.block("monitor").at(member);
  const flags = O.PATH | O.CLOEXEC | openFlags(arch).DIRECTORY;
  const proc = block.sysResult("proc", "openat", [AT.FDCWD, block.str("/proc"), flags, 0]);
  if (holder) enterHolder(block, proc, holder);
  const all = steps.map((step) => ({ member, step }));
  for (const one of all) takeHeld(block, one);
  const registers = (kind: string) => ({
    host: program.register(`${kind}_host`),
    container: program.register(`${kind}_container`),
  });
  const known = { socket: registers("netlink"), namespace: registers("ns"), indexes: new Map() };
  const worker: NetWorker = {
    block,
    program,
    // Nothing that is done here is done in another way by a newer kernel.
    resolved: { features: kernelFeatures("4.19") },
    proc,
    ...known,
    place: "host",
    opened: new Set(),
    idOf: (_, id) => id,
  };
  doSteps(worker, all);
  if (waits) {
    block.at(member).notify(1, []);
    block.await(block.memory.zeroed(8), 8, program.register("length"));
  }
  return program.finish();
}
