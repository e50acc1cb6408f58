import { type Label, type Program, ProgramBuilder, type Register } from "../program/index.ts";
import { becomeCommand } from "./become.ts";
import { openCgroupToBeBornIn } from "./cgroup.ts";
import { NOTICE } from "./context.ts";
import { beginEntry, type EntryContext, enterRoot, joinContainer } from "./entry.ts";
import { asksForHome } from "./home.ts";
import { setOomScore } from "./limits.ts";
import { beginChild, openPidPipe, spawn, spawnFromStage, waitForExecution } from "./namespaces.ts";
import { leaveOrphan, letLiveOn } from "./record.ts";
import type { ResolvedEntry } from "./resolved.ts";
import { setLabels } from "./restrictions.ts";
import { setAffinity } from "./scheduling.ts";
import { release, waitForSystemd } from "./scope.ts";
import { sendListener } from "./seccomp-notify.ts";
import { closeContainerEnds, handOverPipes, leaveStreams, makePipes, openIgnored, type Pipes } from "./stdio.ts";
import { passPidfd, receiveTerminal, terminalStreams } from "./terminal.ts";

/** The program of a process that enters a running container: a pure function of what was resolved. */
export function compileEnter(resolved: ResolvedEntry): Program {
  const program = new ProgramBuilder(resolved.arch);
  const c = beginEntry(program, resolved, "entered");
  const { monitor } = c;
  const pipes = makePipes(c);
  // As for a container: the answers to the look-up of a user, about a scope and about the pipes must not be mixed up.
  const asks = typeof resolved.user === "string" || asksForHome(resolved) || resolved.attach !== undefined;
  if (asks) handOverPipes(c, pipes);
  // `initial` is for the time before the process is in the cgroup, and systemd moves it there.
  const movesLater = resolved.process.execCPUAffinity?.initial !== undefined || resolved.attach !== undefined;
  const bornIn = movesLater ? undefined : openCgroupToBeBornIn(c, resolved.cgroups);
  writeEntered(c, pipes, bornIn);

  const pid = program.register("init");
  const ended = monitor.label();
  spawnEntered(c, pid, ended, bornIn);
  closeContainerEnds(c, pipes);
  if (resolved.keepRunning) leaveStreams(c);
  const master = receiveTerminal(c, ended);
  sendListener(c, pid, ended);
  waitForExecution(c);
  passPidfd(c, pid);
  if (resolved.orphan) monitor.at("process").notify(NOTICE.STARTED, [pid]);
  leaveOrphan(c);
  monitor.place(ended);
  if (resolved.orphan) return program.finish();
  monitor.at("process").notify(NOTICE.STARTED, [pid]);
  if (!asks) handOverPipes(c, pipes);
  monitor.supervise(pid, terminalStreams(c, pipes, master), { keepRunning: resolved.keepRunning });
  return program.finish();
}

function writeEntered(c: EntryContext, pipes: Pipes, bornIn: Register | undefined): void {
  const { init, stage } = c;
  const first = stage ?? init;
  let ignored: Register | undefined;
  const onHost = () => {
    // Files of one's own in /proc are root's as soon as one is not dumpable any more (proc(5)).
    setOomScore(first, c);
    setLabels(first, c);
    ignored = openIgnored(first, c);
  };
  joinContainer(first, c, onHost, bornIn);
  if (stage) beginChild(init, c);
  enterRoot(c);
  // No descriptor is left that leads elsewhere: links of the container to /proc/self/fd/N find nothing (CVE-2024-21626).
  init.sys("close", [c.proc]);
  init.at("process").sys("setsid", []);
  becomeCommand(c, pipes, ignored, { last: () => letLiveOn(c) });
}

function spawnEntered(c: EntryContext, pid: Register, ended: Label, bornIn: Register | undefined): void {
  const { monitor, stage, resolved: r } = c;
  monitor.at("namespaces");
  if (stage) openPidPipe(c);
  const first = stage ? c.program.register("stage") : pid;
  spawn(monitor, r, stage ?? c.init, 0, first, bornIn);
  if (r.attach) {
    setAffinity(monitor, c, "initial", first);
    waitForSystemd(c, first);
    release(c);
  }
  monitor.sys("close", [c.sync.child]);
  monitor.sys("close", [c.target]);
  if (stage) spawnFromStage(c, stage, 0, pid, ended);
}
