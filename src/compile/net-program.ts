import type { Arch } from "../linux/index.ts";
import { type Program, ProgramBuilder } from "../program/index.ts";
import type { NetStep } from "../spec/index.ts";
import { openProcfs } from "./namespaces.ts";
import type { ExecutionContext } from "./net-programs.ts";
import { doSteps, takeHeld } from "./net-steps.ts";
import { enterHolder, type HolderPlace } from "./net-visit.ts";
import { netWorker } from "./net-worker.ts";

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
  steps: readonly NetStep[],
  { member, waits = false, holder }: StepsOptions,
  { arch, features }: { readonly arch: Arch } & ExecutionContext["resolved"],
): Program {
  const program = new ProgramBuilder(arch);
  const block = program.block("monitor").at(member);
  const proc = openProcfs(block, { arch });
  if (holder) enterHolder(block, proc, holder);
  const all = steps.map((step) => ({ member, step }));
  for (const one of all) takeHeld(block, one);
  doSteps(netWorker(block, holder ? undefined : "host", { proc, resolved: { features } }), all);
  if (waits) {
    block.at(member).notify(1, []);
    block.await(block.memory.zeroed(8), 8, program.register("length"));
  }
  return program.finish();
}
