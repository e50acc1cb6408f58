import { type Label, type Program, ProgramBuilder, type Register } from "../program/index.ts";
import { becomeCommand } from "./become.ts";
import { NOTICE } from "./context.ts";
import { beginEntry, type EntryContext, enterRoot, joinContainer } from "./entry.ts";
import { setOomScore } from "./limits.ts";
import { beginChild, openPidPipe, spawn, spawnFromStage, waitForExecution } from "./namespaces.ts";
import type { ResolvedEntry } from "./resolved.ts";
import { setLabels } from "./restrictions.ts";
import { release, waitForSystemd } from "./scope.ts";
import { closeContainerEnds, handOverPipes, leaveStreams, makePipes, openIgnored, type Pipes } from "./stdio.ts";
import { receiveTerminal, terminalStreams } from "./terminal.ts";

/** The program of a process that enters a running container: a pure function of what was resolved. */
export function compileEnter(resolved: ResolvedEntry): Program {
  const program = new ProgramBuilder(resolved.arch);
  const c = beginEntry(program, resolved, "entered");
  const { monitor } = c;
  const pipes = makePipes(c);
  // As for a container: the answers to the look-up of a user, about a scope and about the pipes must not be mixed up.
  const asks = typeof resolved.user === "string" || resolved.attach !== undefined;
  if (asks) handOverPipes(c, pipes);
  writeEntered(c, pipes);

  const pid = program.register("init");
  const ended = monitor.label();
  spawnEntered(c, pid, ended);
  closeContainerEnds(c, pipes);
  if (resolved.keepRunning) leaveStreams(c);
  const master = receiveTerminal(c, ended);
  waitForExecution(c);
  monitor.place(ended);
  monitor.at("process").notify(NOTICE.STARTED, [pid]);
  if (!asks) handOverPipes(c, pipes);
  monitor.supervise(pid, terminalStreams(c, pipes, master), { keepRunning: resolved.keepRunning });
  return program.finish();
}

function writeEntered(c: EntryContext, pipes: Pipes): void {
  const { init, stage } = c;
  const first = stage ?? init;
  let ignored: Register | undefined;
  joinContainer(first, c, () => {
    // Files of one's own in /proc are root's as soon as one is not dumpable any more (proc(5)).
    setOomScore(first, c);
    setLabels(first, c);
    ignored = openIgnored(first, c);
  });
  if (stage) beginChild(init, c);
  enterRoot(c);
  // No descriptor is left that leads elsewhere: links of the container to /proc/self/fd/N find nothing (CVE-2024-21626).
  init.sys("close", [c.proc]);
  init.at("process").sys("setsid", []);
  becomeCommand(c, pipes, ignored);
}

function spawnEntered(c: EntryContext, pid: Register, ended: Label): void {
  const { monitor, stage, resolved: r } = c;
  monitor.at("namespaces");
  if (stage) openPidPipe(c);
  const first = stage ? c.program.register("stage") : pid;
  spawn(monitor, r, stage ?? c.init, 0, first);
  if (r.attach) {
    waitForSystemd(c, first);
    release(c);
  }
  monitor.sys("close", [c.sync.child]);
  monitor.sys("close", [c.target]);
  if (stage) spawnFromStage(c, stage, 0, pid, ended);
}
