import { type Arch, AT, kernelFeatures, O, openFlags } from "../linux/index.ts";
import { type Program, ProgramBuilder } from "../program/index.ts";
import type { NetStep } from "../spec/index.ts";
import { doSteps, type NetWorker, takeHeld } from "./net-steps.ts";

/**
 * Steps on the host that belong to no container. What is held is held until they are done; with `waits` until the application, which is notified then, says go.
 */
export function compileNetSteps(
  arch: Arch,
  steps: readonly NetStep[],
  { member, waits = false }: { readonly member: string; readonly waits?: boolean },
): Program {
  const program = new ProgramBuilder(arch);
  const block = program.block("monitor").at(member);
  const flags = O.PATH | O.CLOEXEC | openFlags(arch).DIRECTORY;
  const proc = block.sysResult("proc", "openat", [AT.FDCWD, block.str("/proc"), flags, 0]);
  const all = steps.map((step) => ({ member, step }));
  for (const one of all) takeHeld(block, one);
  const registers = (kind: string) => ({
    host: program.register(`${kind}_host`),
    container: program.register(`${kind}_container`),
  });
  const known = { socket: registers("netlink"), namespace: registers("ns"), indexes: new Map() };
  const worker: NetWorker = {
    block,
    proc,
    ...known,
    program,
    // Only who executes programs looks at them.
    resolved: { features: kernelFeatures("5.3") },
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
