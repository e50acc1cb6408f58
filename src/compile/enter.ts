import { AT, O, openFlags, PR } from "../linux/index.ts";
import { type BlockBuilder, type Label, type Program, ProgramBuilder, type Register } from "../program/index.ts";
import { NAMESPACE_FILES, type NamespaceType } from "../spec/index.ts";
import { becomeCommand } from "./become.ts";
import { NOTICE, type ProcessContext } from "./context.ts";
import { becomeNamespaceRoot } from "./identity.ts";
import { setOomScore } from "./limits.ts";
import { beginChild, CLONE_FLAG, openProcfs, openSync, spawn, spawnFromStage, waitForExecution } from "./namespaces.ts";
import type { ResolvedEntry } from "./resolved.ts";
import { setLabels } from "./restrictions.ts";
import { closeContainerEnds, handOverPipes, leaveStreams, makePipes, openIgnored } from "./stdio.ts";
import { receiveTerminal, terminalStreams } from "./terminal.ts";

interface EntryContext extends ProcessContext {
  readonly resolved: ResolvedEntry;
  /** /proc/PID of the container's first process. */
  readonly target: Register;
}

/**
 * The program of a process that enters a running container. A pid namespace is entered by a child of who joins it, so then there is a stage between the monitor
 * and the process, as for containers in user namespaces.
 */
export function compileEnter(resolved: ResolvedEntry): Program {
  const program = new ProgramBuilder(resolved.arch);
  const monitor = program.block("monitor");
  const init = program.block("entered");
  const stage = resolved.namespaces.has("pid") ? program.block("stage") : undefined;
  const proc = openProcfs(monitor.at("container"), resolved);
  const target = monitor.sysResult("target", "openat", [proc, monitor.str(resolved.target), directory(resolved), 0]);
  const c: EntryContext = { resolved, program, monitor, init, stage, proc, target, sync: openSync(monitor) };
  const pipes = makePipes(c);
  // As for a container: the answers to the look-up of a user and about the pipes must not be mixed up.
  const asks = typeof resolved.user === "string";
  if (asks) handOverPipes(c, pipes);

  const ignored = joinContainer(stage ?? init, c);
  if (stage) beginChild(init, c);
  enterRoot(c);
  becomeCommand(c, pipes, ignored);

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
  monitor.supervise(pid, terminalStreams(c, pipes, master), resolved.keepRunning);
  return program.finish();
}

const directory = ({ arch }: ResolvedEntry) => O.PATH | O.CLOEXEC | openFlags(arch).DIRECTORY;

function spawnEntered(c: EntryContext, pid: Register, ended: Label): void {
  const { monitor, stage, resolved: r } = c;
  monitor.at("namespaces");
  spawn(monitor, r, stage ?? c.init, 0, stage ? c.program.register("stage") : pid);
  monitor.sys("close", [c.sync.child]);
  monitor.sys("close", [c.target]);
  if (stage) spawnFromStage(c, stage, 0, pid, ended);
}

/**
 * From the host into the container's namespaces, but for its mounts: nothing of the container's is looked at yet. First comes what belongs to the process on the
 * host: it is charged to the container from the beginning, and before the container can see it, it cannot be traced (PR_SET_DUMPABLE in prctl(2)), nor can its
 * descriptors and its executable be reached. Then everything is opened, and only then the first namespace joined.
 */
function joinContainer(block: BlockBuilder, c: EntryContext): Register | undefined {
  const { resolved: r } = c;
  beginChild(block, c);
  for (const path of r.cgroupPaths) joinCgroup(block, path);
  // Files of one's own in /proc are root's as soon as one is not dumpable any more (proc(5)).
  setOomScore(block, c);
  setLabels(block, c);
  block.at("container").sys("prctl", [PR.SET_DUMPABLE, 0, 0, 0, 0], { why: "be no target for the container" });
  const ignored = openIgnored(block, c);
  const files = joinOrder(r).map((type) => {
    const path = block.str(`ns/${NAMESPACE_FILES[type]}`);
    const what = { why: `open the container's ${type} namespace` };
    return { type, fd: block.at("container").sysResult(`ns_${type}`, "openat", [c.target, path, NAMESPACE, 0], what) };
  });
  if (r.chroot) {
    const why = "open the container's root";
    block.at("container").sysResult("root", "openat", [c.target, block.str("root"), directory(r), 0], { why });
  }
  for (const { type, fd } of files) if (type !== "mount") join(block, type, fd);
  becomeNamespaceRoot(block, c);
  return ignored;
}

const NAMESPACE = O.RDONLY | O.CLOEXEC;

function joinCgroup(block: BlockBuilder, path: string): void {
  const what = { why: "enter the container's cgroup" };
  const procs = block.str(`${path}/cgroup.procs`);
  const fd = block.at("resources").sysResult("file", "openat", [AT.FDCWD, procs, O.WRONLY | O.CLOEXEC, 0], what);
  // "0" means the writer (cgroups(7)).
  block.sys("write", [fd, block.str("0"), 1], what);
  block.sys("close", [fd]);
}

/** The mount namespace comes last, since from then on paths are the container's. */
function joinOrder({ namespaces, userFirst }: ResolvedEntry): readonly NamespaceType[] {
  const others = (["time", "cgroup", "ipc", "uts", "network", "pid"] as const).filter((type) => namespaces.has(type));
  const user = namespaces.has("user") ? (["user"] as const) : [];
  const mount = namespaces.has("mount") ? (["mount"] as const) : [];
  return userFirst ? [...user, ...others, ...mount] : [...others, ...user, ...mount];
}

function join(block: BlockBuilder, type: NamespaceType, fd: Register): void {
  block.at("namespaces").sys("setns", [fd, CLONE_FLAG[type]], { why: `join the container's ${type} namespace` });
  block.sys("close", [fd]);
}

/** After this "/" is the container's, and no descriptor is left that leads elsewhere: its links to /proc/self/fd/N find nothing (CVE-2024-21626). */
function enterRoot(c: EntryContext): void {
  const { init, program, resolved: r } = c;
  if (r.namespaces.has("mount")) join(init, "mount", program.register("ns_mount"));
  if (r.chroot) {
    const root = program.register("root");
    init.at("root").sys("fchdir", [root]);
    init.sys("chroot", [init.str(".")], { why: "enter the root" });
    init.sys("chdir", [init.str("/")]);
    init.sys("close", [root]);
  }
  init.at("container").sys("close", [c.target]);
  init.sys("close", [c.proc]);
  init.at("process").sys("setsid", []);
}
