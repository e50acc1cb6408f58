import type { CgroupPlan } from "../cgroup/index.ts";
import { AT, E, MSG, O } from "../linux/index.ts";
import type { DataRef, Register } from "../program/index.ts";
import { killRest, makeStep, removeDirectory } from "./cgroup.ts";
import { type Context, NOTICE, type ProcessContext } from "./context.ts";

/** The epilogue of cgroups that systemd makes. Gives the place that says whether it has made them: another unit of that name is nobody's to kill. */
export function removeScope({ program, resolved }: Context): DataRef | undefined {
  const plan = resolved.cgroup;
  if (!plan?.scope) return undefined;
  const mark = program.memory.zeroed(8);
  const epilogue = program.epilogue().at("cgroup");
  const isMade = program.register("made");
  const nothing = epilogue.label();
  epilogue.load(isMade, mark, 1);
  epilogue.jumpUnless(isMade, 1, nothing);
  for (const { path } of plan.handle.directories.filter(({ version }) => version === 2)) {
    const gone = epilogue.label();
    killRest(epilogue, path, gone, true);
    epilogue.place(gone);
  }
  // That of version 2 is watched by systemd, which removes it when it is empty. Of version 1 there are some that it knows nothing of.
  const made = plan.steps.flatMap((step) => (step.do === "mkdir" ? [step.path] : []));
  for (const path of made.reverse()) removeDirectory(epilogue, path);
  epilogue.place(nothing);
  return mark;
}

/**
 * A scope cannot be made without a process (org.freedesktop.systemd1(5)), and an ordinary user could not move one there. So init is made first and waits; the
 * application asks systemd, who moves it; then come the limits, and init goes on.
 */
export function askForScope(c: Context, pid: Register, mark: DataRef | undefined): void {
  const { monitor, resolved } = c;
  const plan = resolved.cgroup;
  if (!plan || !mark) return;
  waitForSystemd(c, pid);
  monitor.store(mark, 1, 8);
  for (const step of plan.steps) makeStep(monitor, step);
  enterOthers(c, plan, pid);
  release(c);
}

/** systemd knows the hierarchies of version 1 that it has controllers of; it passes over the others. */
function enterOthers({ monitor, program }: Context, { handle }: CgroupPlan, pid: Register): void {
  const others = handle.directories.filter(({ version }) => version === 1);
  if (others.length === 0) return;
  const text = program.memory.zeroed(16);
  monitor.at("cgroup").decimal(text, pid, 12, " ");
  for (const { path } of others) {
    const why = { why: "put init into the cgroup" };
    const procs = monitor.str(`${path}/cgroup.procs`);
    const file = monitor.sysResult("file", "openat", [AT.FDCWD, procs, O.WRONLY | O.CLOEXEC, 0], why);
    monitor.sys("write", [file, text, 12], why);
    monitor.sys("close", [file]);
  }
}

/** The application is told the process, and answers when it is where it belongs. An answer that is too long is a refusal. */
export function waitForSystemd({ monitor, program }: ProcessContext, pid: Register): void {
  monitor.at("cgroup").notify(NOTICE.SCOPE, [pid]);
  monitor.await(program.memory.zeroed(8), 8, program.register("received"));
}

export function release({ monitor, sync }: ProcessContext): void {
  const what = { why: "let the process go on in its cgroup" };
  monitor.at("cgroup").sys("sendto", [sync.monitor, monitor.str("s"), 1, MSG.NOSIGNAL, 0, 0], what);
}

/** The process's side. */
export function awaitScope(block: Context["init"], { sync }: ProcessContext): void {
  const why = { why: "wait to be put into the cgroup" };
  const buffer = block.memory.zeroed(8);
  const got = block.at("cgroup").sysResult("received", "recvfrom", [sync.child, buffer, 1, 0, 0, 0], why);
  block.expect(got, 1, E.ECANCELED, "systemd has made no cgroup");
}
