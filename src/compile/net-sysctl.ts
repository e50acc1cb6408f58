/** Kernel parameters of a network namespace, which the worker stands in. */
import { FSCONFIG, O } from "../linux/index.ts";
import type { Register } from "../program/index.ts";
import type { NetStep } from "../spec/index.ts";
import { drawNameIn } from "./net-names.ts";
import type { NetWorker } from "./net-worker.ts";

export function setParameter(
  worker: NetWorker,
  { place, key, value, why }: Extract<NetStep, { readonly do: "sysctl" }>,
): void {
  const { block } = worker;
  const name = `sys/${key.includes("/") ? key : key.replaceAll(".", "/")}`;
  const path = block.str(name);
  drawNameIn(block, name, path);
  const proc = place === "container" ? ownProcfs(worker) : worker.proc;
  const file = block.sysResult("file", "openat", [proc, path, O.WRONLY | O.CLOEXEC, 0], { why });
  block.sys("write", [file, block.str(value), new TextEncoder().encode(value).length], { why });
  block.sys("close", [file]);
}

/** FSOPEN_CLOEXEC, FSMOUNT_CLOEXEC */
const CLOSES = 1;
const F_DUPFD_CLOEXEC = 1030;

/**
 * A procfs that nobody else has. In one that is shared each network namespace has entries of its own by the same names, and they are compared one after the other
 * (proc_sys_compare in fs/proc/proc_sysctl.c): the thousandth container would look for its own among a thousand, and so would everybody on the host. Who may not
 * make one uses the host's.
 */
function ownProcfs(worker: NetWorker): Register {
  const { block, program, proc, resolved } = worker;
  if (!resolved.features.fsopen) return proc;
  if (worker.ownProcfs) return worker.ownProcfs;
  const own = program.register("proc_own");
  const [context, shared, ready] = [program.register("procfs"), block.label(), block.label()];
  const otherwise = { jump: { on: "any", to: shared } } as const;
  block.sys("fsopen", [block.str("proc"), CLOSES], { dst: context, ...otherwise });
  block.sys("fsconfig", [context, FSCONFIG.CMD_CREATE, 0, 0, 0], otherwise);
  block.sys("fsmount", [context, CLOSES, 0], { dst: own, ...otherwise });
  block.jump(ready);
  block.place(shared);
  block.sys("fcntl", [proc, F_DUPFD_CLOEXEC, 0], { dst: own });
  block.place(ready);
  block.sys("close", [context], { tolerate: "any" });
  worker.ownProcfs = own;
  return own;
}
