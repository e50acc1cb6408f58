/**
 * Interfaces on an ordinary user's networks. The monitor has rights over them and stays in the host's network namespace, to which nobody could come back, and from
 * where programs that listen on the host must be started, also in a further run. So children of it go to the networks.
 */
import { E, MSG, PR, SIG } from "../linux/index.ts";
import type { BlockBuilder, Label, Register } from "../program/index.ts";
import type { Context } from "./context.ts";
import type { MemberStep } from "./net-requests.ts";
import { doSteps } from "./net-steps.ts";
import { carrierOf, isCarried, openNamespace, stepsOf, workerOf } from "./nics.ts";

export function makeNicsInHolder(c: Context, pid: Register, ended: Label): void {
  const { monitor, program } = c;
  const network = program.register("ns_container");
  openNamespace(c, network, pid, ended);
  const carry = carrierOf(c, network, pid, ended);
  let others: MemberStep[] = [];
  const flush = () => {
    if (others.length > 0) expectDone(c, spawnWorker(c, monitor, "nics", others));
    others = [];
  };
  for (const one of stepsOf(c, "setUp")) {
    if (!isCarried(one)) {
      others.push(one);
      continue;
    }
    flush();
    monitor.at(one.member);
    carry(one.step);
  }
  flush();
  monitor.at("nics").sys("close", [network]);
  monitor.sys("sendto", [c.sync.monitor, monitor.str("n"), 1, MSG.NOSIGNAL, 0, 0]);
}

/** When the container has ended, however it did: one that has not got as far as its interfaces may have failed because somebody else has its address. */
export function unmakeNicsInHolder(c: Context): void {
  const epilogue = c.program.epilogue().at("nics");
  const nothing = epilogue.label();
  epilogue.jumpIf(c.program.register("ns_container"), 0, nothing);
  for (const { member, tearDown = [] } of c.resolved.nics?.plans ?? []) {
    if (tearDown.length === 0) continue;
    const pid = spawnWorker(
      c,
      epilogue.at(member),
      "undo",
      tearDown.map((step) => ({ member, step })),
    );
    epilogue.sys("wait4", [pid, 0, 0, 0]);
  }
  epilogue.place(nothing);
}

function spawnWorker(c: Context, block: BlockBuilder, name: string, steps: readonly MemberStep[]): Register {
  const child = c.program.block(name).at("nics");
  child.sys("prctl", [PR.SET_PDEATHSIG, SIG.KILL, 0, 0, 0]);
  doSteps(workerOf(c, child, undefined), steps);
  const pid = c.program.register("nic_worker");
  block.spawn(child, { flags: SIG.CHLD }, { dst: pid });
  return pid;
}

/** It has told itself what has failed. */
function expectDone({ monitor, program }: Context, pid: Register): void {
  const [status, code] = [monitor.memory.zeroed(8), program.register("status")];
  monitor.at("nics").sys("wait4", [pid, status, 0, 0]);
  monitor.load(code, status, 4);
  monitor.expect(code, 0, E.ECANCELED, "the interfaces were not made");
}
