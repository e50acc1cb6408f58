import { type BlockBuilder, type Label, type Program, ProgramBuilder } from "../program/index.ts";
import { becomeCommand } from "./become.ts";
import { buildRoot, removeEmptied } from "./build-root.ts";
import {
  awaitDeviceRules,
  enterCgroups,
  makeCgroups,
  memoryEventsBuffer,
  reportMemoryEvents,
  setDeviceRules,
} from "./cgroup.ts";
import { expectCommand, makeWorkingDirectory } from "./command.ts";
import { bindConsole } from "./console.ts";
import { type Context, closeLent, NOTICE } from "./context.ts";
import { captureDevices, makeDevices } from "./devices.ts";
import { asksForHome } from "./home.ts";
import {
  askForRuntimeHooks,
  hasRuntimeHooks,
  openHostRoot,
  runCreateContainerHooks,
  runStartContainerHooks,
  waitForRuntimeHooks,
} from "./hooks.ts";
import { becomeNamespaceRoot, becomeRootOfJoined } from "./identity.ts";
import { enterIntelRdt, makeIntelRdt } from "./intel-rdt.ts";
import { makeLateReadonly } from "./late-readonly.ts";
import { setKernelParameters, setOomScore } from "./limits.ts";
import { captureSources, makeMounts } from "./mounts.ts";
import {
  beginChild,
  isSeenByOthers,
  joinNamespaces,
  makeCgroupNamespace,
  makeTimeNamespace,
  needsStage,
  openProcfs,
  openSync,
  receive,
  spawnDirectly,
  spawnThroughStage,
  usesHelper,
  waitForExecution,
  waitForIdMaps,
} from "./namespaces.ts";
import { holdForNics, keepHeld, leaveHeld, releaseHeld } from "./net-held.ts";
import { asksForNics, awaitNics, endNics, makeNics, makeOwnNics, unmakeNics } from "./nics.ts";
import { makeNicsInHolder, unmakeNicsInHolder } from "./nics-in-holder.ts";
import { reopenNull } from "./own-null.ts";
import { captureNullDevice, makePathsReadonly, maskPaths } from "./paths.ts";
import {
  closeRecord,
  countRestarts,
  endRecord,
  holdBeforeCommand,
  leaveApplication,
  leaveOrphan,
  logOutput,
  openRecord,
  tellOfHooks,
  writeExit,
  writeState,
} from "./record.ts";
import type { Resolved } from "./resolved.ts";
import { setLabels } from "./restrictions.ts";
import { enterRoot, finishRoot, isolateMounts, leaveOldRoot } from "./root.ts";
import { askForScope, awaitScope, removeScope } from "./scope.ts";
import { sendListener } from "./seccomp-notify.ts";
import { closeContainerEnds, handOverPipes, makePipes, openIgnored, type Pipes } from "./stdio.ts";
import { passPidfd, receiveTerminal, terminalStreams } from "./terminal.ts";

/**
 * The program of a container: a pure function of what was resolved. Block 0 is the monitor's; init's block is written first all the same, because
 * what it needs of the monitor (idmapped mounts, images) must stand before the spawn.
 */
export function compileContainer(resolved: Resolved): Program {
  const program = new ProgramBuilder(resolved.arch);
  const monitor = program.block("monitor");
  const init = program.block("init");
  const stage = needsStage(resolved) ? program.block("stage") : undefined;
  const proc = openProcfs(monitor.at("namespaces"), resolved);
  const rootBlock = stage && usesHelper(resolved) ? stage : init;
  const c: Context = { resolved, program, monitor, init, stage, rootBlock, proc, lent: [], sync: openSync(monitor) };
  const held = holdForNics(c);
  openRecord(c);
  const events = memoryEventsBuffer(c);
  const restarts = countRestarts(c);
  const report = writeExit(c, events, restarts);
  const pipes = makePipes(c);
  // A look-up of the user, a scope and hooks make somebody wait for the application too; the answers must not be mixed up.
  const asks =
    typeof resolved.user === "string" ||
    asksForHome(resolved) ||
    hasRuntimeHooks(resolved.spec) ||
    asksForNics(resolved) ||
    resolved.cgroup?.scope !== undefined;
  if (asks) handOverPipes(c, pipes);
  const cgroups = makeCgroups(c);
  const scope = removeScope(c);
  const classes = makeIntelRdt(c);
  if (stage) writeStage(c, stage);
  beginChild(init, c);
  leaveHeld(c, held);
  enterCgroups(c, cgroups);
  enterIntelRdt(c, classes);
  if (!scope) makeCgroupNamespace(init, c);
  if (!stage) waitForIdMaps(init, c);
  if (scope) {
    awaitScope(init, c);
    makeCgroupNamespace(init, c);
  }
  writeInit(c, pipes);

  const pid = program.register("init");
  const ended = monitor.label();
  if (stage) spawnThroughStage(c, stage, pid, ended);
  else spawnDirectly(c, pid, cgroups.into);
  askForScope(c, pid, scope);
  if (resolved.holder) {
    makeNicsInHolder(c, pid, ended);
    unmakeNicsInHolder(c);
  } else unmakeNics(c, makeNics(c, pid, ended));
  releaseHeld(c, held);
  closeContainerEnds(c, pipes);
  closeLent(c);
  askForRuntimeHooks(c, pid, ended);
  const master = receiveTerminal(c, ended);
  setDeviceRules(c, ended);
  sendListener(c, pid, ended);
  waitUntilReady(c, ended);
  writeState(c, pid, restarts);
  passPidfd(c, pid);
  if (resolved.orphan) monitor.at("process").notify(NOTICE.STARTED, [pid]);
  leaveOrphan(c);
  monitor.place(ended);
  if (resolved.orphan) return program.finish();
  monitor.at("process").notify(NOTICE.STARTED, [pid]);
  if (!asks) handOverPipes(c, pipes);
  leaveApplication(c);
  keepHeld(c, held);
  logOutput(c, pipes.stdout?.application ?? -1, pipes.stderr?.application ?? -1);
  monitor.at("process").supervise(pid, terminalStreams(c, pipes, master), {
    keepRunning: resolved.record?.outlives ?? false,
    report,
  });
  if (events) reportMemoryEvents(c, events);
  removeEmptied(c);
  endRecord(c, restarts);
  endNics(c);
  return program.finish();
}

/** The container stands when its command is executed, or when it only waits to be started. */
function waitUntilReady(c: Context, ended: Label): void {
  if (!c.resolved.record?.held) {
    waitForExecution(c);
    return;
  }
  const { monitor } = c;
  receive(c, monitor.at("process").memory.zeroed(8), 1, ended);
  monitor.sys("close", [c.sync.monitor]);
}

/** What must happen inside a new user namespace but before init and its pid namespace exist. */
function writeStage(c: Context, stage: BlockBuilder): void {
  beginChild(stage, c);
  waitForIdMaps(stage, c);
  if (isSeenByOthers(c.resolved)) setOomScore(stage, c);
  if (!c.resolved.created.has("user")) joinNamespaces(stage, c, (type) => type !== "mount");
  makeTimeNamespace(stage, c);
  if (c.rootBlock !== stage) return;
  becomeNamespaceRoot(stage, c);
  isolateMounts(stage, c);
  stage.at("root").sys("umask", [0]);
  buildRoot(c);
}

/** The life of the container's first process, in its namespaces, up to its command. The order is the security: each step says why it stands where it does. */
function writeInit(c: Context, pipes: Pipes): void {
  const { init } = c;
  isolateMounts(init, c);
  // The host's own: a container that is joined may have no /dev/null, or anything under that name.
  const ignored = openIgnored(init, c);
  joinNamespaces(init, c, (type) => type === "mount");
  // Everything that is wanted from the host is opened while the caller's own identity and the host's tree are still there.
  const sources = captureSources(c, init);
  const devices = captureDevices(c);
  const hostDev = captureNullDevice(c);
  if (c.rootBlock === init) becomeNamespaceRoot(init, c);
  becomeRootOfJoined(init, c);
  makeOwnNics(c);
  init.at("process").sys("setsid", []);
  init.at("root").sys("umask", [0]);
  if (c.rootBlock === init) buildRoot(c);

  const hostRoot = openHostRoot(c);
  const roots = enterRoot(c);
  makeMounts(c, sources);
  makeWorkingDirectory(c);
  makeDevices(c, devices);
  // The two wait for the same socket: in the order in which the monitor does its part.
  awaitNics(c);
  waitForRuntimeHooks(c);
  runCreateContainerHooks(c, hostRoot);
  maskPaths(c, hostDev);
  makePathsReadonly(c);
  setKernelParameters(c);
  // A new procfs is only permitted while an older one is visible, so the old root goes last (mount_namespaces(7)).
  leaveOldRoot(c, roots);
  finishRoot(c);

  // Who has become another user cannot write to its files of /proc, nor lower anything from a user namespace: there the monitor has set it.
  if (!isSeenByOthers(c.resolved) && (c.resolved.idMaps?.writer ?? "self") === "self") setOomScore(init, c);
  setLabels(init, c);
  becomeCommand(c, pipes, ignored, {
    withTerminal: (slave) => bindConsole(c, slave),
    withoutDevices: () => leaveHost(c),
    asUser: () => expectHeldCommand(c),
    last: () => beforeCommand(c),
  });
}

/** Nothing leads to the host any more when the privileges go: from then on whoever shares the pid namespace may look at this process's descriptors. */
function leaveHost(c: Context): void {
  reopenNull(c);
  makeLateReadonly(c);
  awaitDeviceRules(c);
  c.init.at("process").sys("close", [c.proc]);
  closeRecord(c);
}

/** Who makes a container that waits is told when its command cannot be executed, and not who starts it. */
function expectHeldCommand(c: Context): void {
  if (c.resolved.record?.held) expectCommand(c);
}

function beforeCommand(c: Context): void {
  holdBeforeCommand(c);
  runStartContainerHooks(c);
  tellOfHooks(c);
}
