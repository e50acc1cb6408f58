import { AT, CLONE, E, FS_MAGIC, MSG, O, openFlags, PR, SIG, SOCK, u64s } from "../linux/index.ts";
import type { Block, BlockBuilder, DataRef, Label, Register } from "../program/index.ts";
import type { IdMapping, NamespaceType } from "../spec/index.ts";
import { type Context, type ProcessContext, writeProc } from "./context.ts";
import type { IdMaps, Resolved, ResolvedProcess } from "./resolved.ts";

/** What the making of a user namespace needs to know. */
export interface MappedContext extends Omit<ProcessContext, "resolved" | "init" | "stage"> {
  readonly resolved: Pick<ResolvedProcess, "features"> & Pick<Resolved, "idMaps"> & Partial<Pick<Resolved, "process">>;
}

/** What clone(2), unshare(2) and setns(2) call the types. */
export const CLONE_FLAG: Readonly<Record<NamespaceType, number>> = {
  user: CLONE.NEWUSER,
  mount: CLONE.NEWNS,
  pid: CLONE.NEWPID,
  network: CLONE.NEWNET,
  ipc: CLONE.NEWIPC,
  uts: CLONE.NEWUTS,
  cgroup: CLONE.NEWCGROUP,
  time: CLONE.NEWTIME,
};

/** Namespaces in the order in which they are joined: the user namespace gives the rights to join the others. */
const JOIN_ORDER: readonly NamespaceType[] = ["user", "time", "cgroup", "ipc", "uts", "network", "pid", "mount"];

/** The kernel's procfs, before any namespace is entered; everything that is written to /proc goes through this descriptor. */
export function openProcfs(block: BlockBuilder, resolved: Pick<Resolved, "arch">): Register {
  const flags = O.PATH | O.CLOEXEC | openFlags(resolved.arch).DIRECTORY;
  const proc = block.sysResult("proc", "openat", [AT.FDCWD, block.str("/proc"), flags, 0]);
  const statfs = block.memory.zeroed(120);
  const type = block.program.register("fstype");
  block.sys("fstatfs", [proc, statfs]);
  block.load(type, statfs, 8);
  block.expect(type, FS_MAGIC.PROC, E.ENOTSUP, "/proc is not a procfs");
  return proc;
}

/**
 * A process between the monitor and init is needed for what must happen inside the new user namespace but outside the pid namespace:
 * clocks must be set before init is born, and helpers that mount the root must not be visible to the container.
 */
export const needsStage = (r: Resolved): boolean =>
  r.joined.has("user") || (r.created.has("user") && r.created.has("time")) || usesHelper(r);

export const usesHelper = (r: Resolved) => r.root?.steps.some((step) => step.do === "helper") ?? false;

/** In a pid namespace that is there already live others, and one that is strong in its user namespace could trace whatever is made there. */
export const isSeenByOthers = (r: Resolved): boolean => r.joined.has("pid");

/** Not to be traced, nor its descriptors reached, by whoever sees it (CVE-2016-9962): what is made here is born so, and stays so until execve (PR_SET_DUMPABLE). */
function hide(block: BlockBuilder, r: Resolved): void {
  if (isSeenByOthers(r)) block.sys("prctl", [PR.SET_DUMPABLE, 0, 0, 0, 0], { why: "be no target for others" });
}

/** The monitor makes init itself. */
export function spawnDirectly(c: Context, pid: Register, into: Register | undefined): void {
  const { resolved: r, monitor } = c;
  joinNamespaces(monitor, c, (type) => type !== "mount");
  makeTimeNamespace(monitor, c);
  monitor.at("namespaces");
  hide(monitor, r);
  spawn(monitor, r, c.init, flagsOf(r.created, ["time", ...madeLater(r)]), pid, into);
  // The application reaches its pipes through the monitor's descriptors.
  if (isSeenByOthers(r)) monitor.sys("prctl", [PR.SET_DUMPABLE, 1, 0, 0, 0]);
  monitor.sys("close", [c.sync.child]);
  if (r.idMaps) writeIdMaps(c, r.idMaps, pid);
  // Files of one's own in /proc are root's as soon as one is not dumpable any more (proc(5)).
  const { oomScoreAdj } = r.process;
  if (isSeenByOthers(r) && oomScoreAdj !== undefined) {
    writeProcOf(c, pid, "oom_score_adj", String(oomScoreAdj), "process.oomScoreAdj");
  }
}

/** The monitor makes the stage; the stage's last act is to make init as the monitor's own child and to say its pid. */
export function spawnThroughStage(c: Context, stage: BlockBuilder, pid: Register, ended: Label): void {
  const { resolved: r, monitor, program } = c;
  const early: readonly NamespaceType[] = usesHelper(r) ? ["user", "mount"] : ["user"];
  const stagePid = program.register("stage");
  // Nothing in a new user namespace may join older namespaces, so that comes before (setns(2), "EPERM").
  if (r.created.has("user")) joinNamespaces(monitor, c, (type) => type !== "mount");
  monitor.at("namespaces");
  openPidPipe(c);
  spawn(monitor, r, stage, flagsOf(new Set(early.filter((type) => r.created.has(type))), []), stagePid);
  monitor.sys("close", [c.sync.child]);
  if (r.idMaps) writeIdMaps(c, r.idMaps, stagePid);
  hide(stage.at("namespaces"), r);
  spawnFromStage(c, stage, flagsOf(r.created, ["user", "time", ...madeLater(r)]), pid, ended);
}

/** A pipe for init's pid alone: in the socket the stage could come too late, when init has sent its terminal already. Made before the stage is. */
export function openPidPipe({ monitor, program }: ProcessContext): void {
  const pair = monitor.memory.zeroed(8);
  monitor.sys("pipe2", [pair, O.CLOEXEC]);
  monitor.load(program.register("pid_read"), pair, 4);
  monitor.load(program.register("pid_write"), monitor.memory.at(pair, 4), 4);
}

/** The stage makes init as a child of the monitor's, and tells its pid. */
export function spawnFromStage(
  c: ProcessContext,
  stage: BlockBuilder,
  flags: number,
  pid: Register,
  ended: Label,
): void {
  const { monitor, program } = c;
  const message = program.memory.zeroed(8);
  const [read, write] = [program.register("pid_read"), program.register("pid_write")];
  stage.at("namespaces");
  spawn(stage, c.resolved, c.init, flags | CLONE.PARENT, pid);
  stage.store(message, pid, 8);
  stage.sys("write", [write, message, 8]);
  monitor.sys("close", [write]);
  const got = monitor.sysResult("received", "read", [read, message, 8]);
  monitor.sys("close", [read]);
  // The stage has ended without it, and has said why.
  monitor.jumpUnless(got, 8, ended);
  monitor.load(pid, message, 8);
}

/** The set-up's end of the socket closes when the command is executed, or when the set-up has failed and said so. */
export function waitForExecution(c: ProcessContext): void {
  const buffer = c.monitor.memory.zeroed(8);
  c.monitor.at("process").sys("recvfrom", [c.sync.monitor, buffer, 8, 0, 0, 0], {
    tolerate: [E.ECONNRESET],
    why: "wait until the command is executed",
  });
  c.monitor.sys("close", [c.sync.monitor]);
}

/** The monitor takes a message from the set-up; when that has ended instead, it has said why and nothing is left to do here. */
export function receive(
  c: Pick<ProcessContext, "monitor" | "program" | "sync">,
  into: ReturnType<BlockBuilder["str"]>,
  size: number,
  ended: Label,
): void {
  const got = c.monitor.sysResult("received", "recvfrom", [c.sync.monitor, into, size, 0, 0, 0], {
    tolerate: [E.ECONNRESET],
  });
  c.monitor.jumpUnless(got, size, ended);
}

/** A pair of connected sockets, one end for the set-up; both ends of the set-up's side close when it executes the command. */
export function openSync(monitor: BlockBuilder): ProcessContext["sync"] {
  const pair = monitor.memory.zeroed(8);
  monitor.sys("socketpair", [1, SOCK.SEQPACKET | SOCK.CLOEXEC, 0, pair]);
  const sync = { monitor: monitor.program.register("sync"), child: monitor.program.register("sync_child") };
  monitor.load(sync.monitor, pair, 4);
  monitor.load(sync.child, monitor.memory.at(pair, 4), 4);
  return sync;
}

/** First operations of a process of the set-up: it dies with its monitor, and does not hold the monitor's end of the socket. */
export function beginChild(block: BlockBuilder, c: Pick<ProcessContext, "init" | "stage" | "sync">): void {
  block.at("namespaces");
  block.sys("prctl", [PR.SET_PDEATHSIG, SIG.KILL, 0, 0, 0]);
  // Init has its descriptors of the stage, if there is one: there it is closed already.
  if (block !== c.init || !c.stage) block.sys("close", [c.sync.monitor]);
}

/** The root of a new cgroup namespace is the cgroup that its maker is in (cgroup_namespaces(7)), so init enters its own first. */
const madeLater = (r: Resolved): readonly NamespaceType[] => (r.cgroup ? ["cgroup"] : []);

export function makeCgroupNamespace(block: BlockBuilder, c: Context): void {
  const { created, cgroup } = c.resolved;
  if (!created.has("cgroup") || !cgroup) return;
  block.at("namespaces").sys("unshare", [CLONE.NEWCGROUP], { why: "make a cgroup namespace" });
}

export function joinNamespaces(block: BlockBuilder, c: Context, wanted: (type: NamespaceType) => boolean): void {
  const { joined } = c.resolved;
  const spec = c.resolved.spec.namespaces ?? [];
  const files = JOIN_ORDER.filter((type) => joined.has(type) && wanted(type)).map((type) => {
    const index = spec.findIndex((namespace) => typeof namespace !== "string" && namespace.type === type);
    block.at(`namespaces[${index}].path`);
    const path = block.str(joined.get(type) ?? "");
    return { type, fd: block.sysResult(`ns_${type}`, "openat", [AT.FDCWD, path, O.RDONLY | O.CLOEXEC, 0]) };
  });
  for (const { type, fd } of files) {
    block.sys("setns", [fd, CLONE_FLAG[type]], { why: `join the ${type} namespace` });
    block.sys("close", [fd]);
  }
}

/** A time namespace is made for the children of its maker, whose clocks are set before the first one exists (time_namespaces(7)). */
export function makeTimeNamespace(block: BlockBuilder, c: Context): void {
  if (!c.resolved.created.has("time")) return;
  block.at("namespaces").sys("unshare", [CLONE.NEWTIME], { why: "make a time namespace" });
  const offsets = Object.entries(c.resolved.spec.timeOffsets ?? {});
  if (offsets.length === 0) return;
  const lines = offsets.map(([clock, { secs = 0, nanosecs = 0 }]) => `${clock} ${secs} ${nanosecs}\n`);
  writeProc(block.at("timeOffsets"), c.proc, "self/timens_offsets", lines.join(""), "set the clock offsets");
}

export function spawn(
  block: BlockBuilder,
  r: Pick<ResolvedProcess, "features">,
  child: Block,
  flags: number,
  pid: Register,
  into?: Register,
): void {
  // exit_signal must be 0 with CLONE_PARENT, whose child inherits it (clone(2)).
  const exitSignal = flags & CLONE.PARENT ? 0 : SIG.CHLD;
  if (into) {
    // struct clone_args: the cgroup's directory at 80.
    const args = block.memory.bytes(u64s((flags >>> 0) + CLONE.INTO_CGROUP, 0, 0, 0, exitSignal, 0, 0, 0, 0, 0, 0));
    block.store(block.memory.at(args, 80), into, 8);
    block.spawn(child, { clone3: args, size: 88 }, { dst: pid });
    block.sys("close", [into]);
  } else if (r.features.clone3) {
    const args = block.memory.bytes(u64s(flags >>> 0, 0, 0, 0, exitSignal, 0, 0, 0));
    block.spawn(child, { clone3: args, size: 64 }, { dst: pid });
  } else {
    block.spawn(child, { flags: (flags | exitSignal) >>> 0 }, { dst: pid });
  }
}

/** In the child: writes its own maps, or waits until somebody with the right to do so has written them. */
export function waitForIdMaps(block: BlockBuilder, c: MappedContext): void {
  const maps = c.resolved.idMaps;
  if (!maps) return;
  if (maps.writer === "self") {
    block.at("gidMappings");
    if (maps.denySetgroups) writeProc(block, c.proc, "self/setgroups", "deny", "give up setgroups");
    writeProc(block, c.proc, "self/gid_map", mapText(maps.gid), "map the group id");
    writeProc(block.at("uidMappings"), c.proc, "self/uid_map", mapText(maps.uid), "map the user id");
    return;
  }
  const go = block.memory.zeroed(8);
  const got = block.at("uidMappings").sysResult("received", "recvfrom", [c.sync.child, go, 1, 0, 0, 0]);
  block.expect(got, 1, E.ECANCELED, "the id maps were not written");
}

export function writeIdMaps(c: MappedContext, maps: IdMaps, pid: Register): void {
  const { monitor } = c;
  if (maps.writer === "self") return;
  const { oomScoreAdj } = c.resolved.process ?? {};
  if (oomScoreAdj !== undefined) writeProcOf(c, pid, "oom_score_adj", String(oomScoreAdj), "process.oomScoreAdj");
  if (maps.writer === "monitor") {
    if (maps.denySetgroups) writeProcOf(c, pid, "setgroups", "deny", "gidMappings");
    writeProcOf(c, pid, "gid_map", mapText(maps.gid), "gidMappings");
    writeProcOf(c, pid, "uid_map", mapText(maps.uid), "uidMappings");
  } else {
    runMapHelper(c, maps.writer.newgidmap, maps.gid, pid, "gidMappings");
    runMapHelper(c, maps.writer.newuidmap, maps.uid, pid, "uidMappings");
  }
  monitor.sys("sendto", [c.sync.monitor, monitor.str("go"), 1, MSG.NOSIGNAL, 0, 0]);
}

/** A file of another process, from the procfs on: its pid becomes text in the path ("./" and slashes keep the path's length fixed). */
export function pathOfProcess(block: BlockBuilder, pid: Register, file: string): DataRef {
  const path = block.memory.bytes(new TextEncoder().encode(`.${"/".repeat(13)}${file}\0`), 1);
  block.decimal(block.memory.at(path, 1), pid, 12, "/");
  return path;
}

/** Writes a file of another process. */
export function writeProcOf(
  c: Pick<ProcessContext, "monitor" | "proc">,
  pid: Register,
  file: string,
  content: string,
  member: string,
): void {
  const { monitor } = c;
  const path = pathOfProcess(monitor.at(member), pid, file);
  const why = `write ${file}`;
  const fd = monitor.sysResult("file", "openat", [c.proc, path, O.WRONLY | O.CLOEXEC, 0], { why });
  monitor.sys("write", [fd, monitor.str(content), content.length], { why });
  monitor.sys("close", [fd]);
}

/** newuidmap(1) and newgidmap(1) are set-user-ID programs that check /etc/subuid and /etc/subgid. */
function runMapHelper(c: MappedContext, path: string, map: readonly IdMapping[], pid: Register, member: string): void {
  const { monitor, program } = c;
  const helper = program.block(path.slice(path.lastIndexOf("/") + 1));
  const numbers = map.flatMap(({ containerID, hostID, size }) => [containerID, hostID, size]);
  const pidText = program.memory.bytes(new Uint8Array(16));
  const argv = program.memory.pointers([monitor.str(path), pidText, ...numbers.map((n) => monitor.str(String(n)))]);
  monitor.at(member).decimal(pidText, pid, 16);
  helper.at(member).sys("execve", [monitor.str(path), argv, program.memory.strings([])]);
  const child = program.register("helper");
  spawn(monitor, c.resolved, helper, 0, child);
  const status = program.memory.zeroed(8);
  monitor.sys("wait4", [child, status, 0, 0]);
  const code = program.register("status");
  monitor.load(code, status, 4);
  monitor.expect(code, 0, E.EPERM, `${path} refused the mapping ${numbers.join(" ")}`);
}

const mapText = (map: readonly IdMapping[]) =>
  map.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join("");

function flagsOf(types: ReadonlySet<NamespaceType>, except: readonly NamespaceType[]): number {
  let flags = 0;
  for (const type of types) if (!except.includes(type)) flags |= CLONE_FLAG[type];
  return flags;
}
