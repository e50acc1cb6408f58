import type { Arch } from "../linux/index.ts";
import { type Program, ProgramBuilder } from "../program/index.ts";
import type { NetStep } from "../spec/index.ts";
import { openProcfs } from "./namespaces.ts";
import { endAfterUndo } from "./net-nftables.ts";
import type { ExecutionContext } from "./net-programs.ts";
import { doSteps, takeHeld } from "./net-steps.ts";
import { closeOpened, netWorker } from "./net-worker.ts";

/** What a monitor that was killed has left of an interface. */
export interface LeftNic {
  readonly member: string;
  /** It has had a lock on this file, so that nobody undoes what is in use. Without one it is known to be dead. */
  readonly lock?: string;
  /** Which byte of it. Default: 0 */
  readonly byte?: number;
  /** Nothing in them is about the container's network namespace, which has gone with it. */
  readonly tearDown: readonly NetStep[];
}

/** The program that undoes it: fails with EAGAIN when the monitor is alive after all. What fails does not keep the rest from being undone. */
export function compileNetUndo(
  { member, lock, byte = 0, tearDown }: LeftNic,
  { arch, features }: { readonly arch: Arch } & ExecutionContext["resolved"],
): Program {
  const program = new ProgramBuilder(arch);
  const block = program.block("undo").at(member);
  const proc = openProcfs(block, { arch });
  if (lock !== undefined) {
    takeHeld(block, { member, step: { do: "lock", path: lock, byte, why: "see that nobody uses it" } });
  }
  const isOurs = program.register("ours");
  const one = program.memory.zeroed(8);
  block.store(one, 1, 8);
  block.load(isOurs, one, 8);
  const epilogue = program.epilogue().at(member);
  const [failed, nothing] = [epilogue.label(), epilogue.label()];
  epilogue.jumpUnless(isOurs, 1, nothing);
  for (const step of tearDown) {
    const worker = netWorker(epilogue, "host", { proc, resolved: { features }, failed });
    doSteps(worker, [{ member, step }]);
    closeOpened(worker);
  }
  epilogue.place(failed);
  epilogue.place(nothing);
  if (tearDown.some((step) => step.do === "undo")) endAfterUndo(epilogue);
  return program.finish();
}
