import type { CgroupDirectory, CgroupPlan, CgroupStep } from "../cgroup/index.ts";
import { AT, E, MSG, O, openFlags, u64s } from "../linux/index.ts";
import type { BlockBuilder, DataRef, Label, OpOptions, Register } from "../program/index.ts";
import { attachDeviceProgram } from "./cgroup-devices.ts";
import { type Context, lend, REPORT } from "./context.ts";
import { receive } from "./namespaces.ts";
import type { ResolvedProcess } from "./resolved.ts";

/** How init gets into its cgroups: born in that of version 2, where the kernel can do that, and by files that the monitor lends it. */
export interface Entrances {
  readonly into: Register | undefined;
  readonly files: readonly DataRef[];
}

/**
 * The monitor makes the cgroups; the epilogue removes them when nobody is left in them. Those of systemd are made later, around init (scope.ts). To move a process stops every fork and exit on the machine for a
 * moment, for which the kernel first waits some milliseconds: but not for a process that is born there, nor for a thread that moves itself
 * (kernel/cgroup/cgroup.c, cgroup_procs_write_start).
 */
export function makeCgroups(c: Context): Entrances {
  const { monitor, resolved } = c;
  const plan = resolved.cgroup;
  if (!plan || plan.scope) return { into: undefined, files: [] };
  removeCgroups(c, plan, makeSteps(c, plan));
  monitor.at("resources");
  const files: DataRef[] = [];
  const into = c.stage ? undefined : openCgroupToBeBornIn(c, plan.handle.directories);
  for (const { path, version } of plan.handle.directories) {
    if (version === 2 && into) continue;
    const file = monitor.str(entranceOf(path, version));
    files.push(lend(c, monitor.sysResult("file", "openat", [AT.FDCWD, file, O.WRONLY | O.CLOEXEC, 0])));
  }
  return { into, files };
}

/** A process that enters is one thread: in version 1 it may move as such. */
export const entranceOf = (path: string, version: 1 | 2): string =>
  `${path}/${version === 1 ? "tasks" : "cgroup.procs"}`;

/** The directory of version 2, for CLONE_INTO_CGROUP. */
export function openCgroupToBeBornIn(
  { monitor, resolved }: Pick<Context, "monitor"> & { readonly resolved: Pick<ResolvedProcess, "features" | "arch"> },
  directories: readonly Pick<CgroupDirectory, "path" | "version">[],
): Register | undefined {
  const path = directories.find(({ version }) => version === 2)?.path;
  if (path === undefined || !resolved.features.cloneIntoCgroup) return undefined;
  const flags = O.PATH | O.CLOEXEC | openFlags(resolved.arch).DIRECTORY;
  return monitor.at("resources").sysResult("born_in", "openat", [AT.FDCWD, monitor.str(path), flags, 0]);
}

/** Init moves itself, before it does anything that could be charged to somebody else ("0" means the writer, cgroups(7)). */
export function enterCgroups(c: Context, { into, files }: Entrances): void {
  const { init, program } = c;
  const procs = program.register("cgroup");
  if (into) init.at("resources").sys("close", [into]);
  for (const slot of files) {
    init.at("resources").load(procs, slot, 4);
    init.sys("write", [procs, init.str("0"), 1], { why: "enter the cgroup" });
    init.sys("close", [procs]);
  }
}

/** Gives, for each directory of the container's own, the place that says whether it was made: what others have made is not removed. */
function makeSteps({ monitor, program }: Context, { steps }: CgroupPlan): ReadonlyMap<string, DataRef> {
  const made = new Map<string, DataRef>();
  for (const step of steps) {
    makeStep(monitor, step);
    if (step.do !== "mkdir" || step.shared) continue;
    const mark = program.memory.zeroed(8);
    monitor.store(mark, 1, 8);
    made.set(step.path, mark);
  }
  return made;
}

export function makeStep(block: BlockBuilder, step: CgroupStep): void {
  block.at(step.member);
  if (step.do === "mkdir") {
    const tolerate = step.shared ? [E.EEXIST] : [];
    block.sys("mkdirat", [AT.FDCWD, block.str(step.path), 0o755], { tolerate, why: "make a cgroup" });
    return;
  }
  const { otherwise } = step;
  const [missing, done] = [block.label(), block.label()];
  const jump = otherwise || step.optional ? { on: [E.ENOENT], to: missing } : undefined;
  writeFile(block, step.file, step.value, jump);
  if (otherwise) block.jump(done);
  block.place(missing);
  if (otherwise) writeFile(block, otherwise.file, otherwise.value);
  block.place(done);
}

function writeFile(block: BlockBuilder, path: string, value: string, jump?: OpOptions["jump"]): void {
  const why = `write ${value} to ${path.slice(path.lastIndexOf("/") + 1)}`;
  const file = block.program.register("file");
  const flags = O.WRONLY | O.CLOEXEC;
  block.sys("openat", [AT.FDCWD, block.str(path), flags, 0], { why, dst: file, ...(jump ? { jump } : {}) });
  block.sys("write", [file, block.str(value), new TextEncoder().encode(value).length], { why });
  block.sys("close", [file]);
}

function removeCgroups({ program }: Context, { handle, steps }: CgroupPlan, made: ReadonlyMap<string, DataRef>): void {
  const epilogue = program.epilogue().at("resources");
  const isMade = program.register("made");
  // That of version 2 first, as nobody is left in the others either when it is empty.
  for (const { path, version } of handle.directories.toSorted((a, b) => b.version - a.version)) {
    const mark = made.get(path);
    const foreign = epilogue.label();
    if (mark) {
      epilogue.load(isMade, mark, 1);
      epilogue.jumpUnless(isMade, 1, foreign);
    }
    if (version === 2) killAll(epilogue, path);
    removeDirectory(epilogue, path);
    epilogue.place(foreign);
  }
  // Directories above that others may share: whoever is the last to need one removes it.
  const shared = steps.flatMap((step) => (step.do === "mkdir" && step.shared ? [step.path] : []));
  for (const path of shared.reverse()) removeDirectory(epilogue, path);
}

/** Milliseconds */
const PAUSES = [1, 4, 16, 64, 256];

/**
 * The monitor has killed the container's descendants; what somebody else has put there goes here (cgroup-v2.rst, "cgroup.kill"; since Linux 5.14). A cgroup is
 * busy until the killed have gone, and nothing tells of it: rmdir(2) is tried a few times.
 */
function killAll(block: BlockBuilder, path: string): void {
  const [result, gone] = [block.program.register("result"), block.label()];
  killRest(block, path, gone);
  for (const milliseconds of PAUSES) {
    const options = { dst: result, tolerate: [E.ENOENT, E.EBUSY], why: "remove the cgroup" };
    block.sys("unlinkat", [AT.FDCWD, block.str(path), AT.REMOVEDIR], options);
    block.jumpUnless(result, -E.EBUSY, gone);
    const pause = block.memory.bytes(u64s(0, milliseconds * 1_000_000));
    block.sys("nanosleep", [pause, 0], { tolerate: [E.EINTR] });
  }
  block.place(gone);
}

/** Goes to `gone` where there is nothing to kill, or no word for it. What is `watched` may be removed by somebody else at any time. */
export function killRest(block: BlockBuilder, path: string, gone: Label, watched = false): void {
  const file = block.program.register("file");
  const name = block.str(`${path}/cgroup.kill`);
  const options = { dst: file, jump: { on: [E.ENOENT], to: gone }, why: "kill what is left in it" };
  block.sys("openat", [AT.FDCWD, name, O.WRONLY | O.CLOEXEC, 0], options);
  const tolerate = watched ? [E.ENODEV] : [];
  block.sys("write", [file, block.str("1"), 1], { tolerate, why: "kill what is left in it" });
  block.sys("close", [file]);
}

/** What is busy still has cgroups in it that the container has made: the application removes these. */
export function removeDirectory(block: BlockBuilder, path: string): void {
  block.sys("unlinkat", [AT.FDCWD, block.str(path), AT.REMOVEDIR], {
    tolerate: [E.ENOENT, E.EBUSY],
    why: "remove the cgroup",
  });
}

/** Init says that it needs no further device, and waits until the rules are in place: its own work is not bound by them. */
export function awaitDeviceRules(c: Context): void {
  const { init, resolved } = c;
  if (!resolved.cgroup?.devices) return;
  init.at("resources.devices").sys("sendto", [c.sync.child, init.str("d"), 1, MSG.NOSIGNAL, 0, 0]);
  const got = init.sysResult("received", "recvfrom", [c.sync.child, init.memory.zeroed(8), 1, 0, 0, 0]);
  init.expect(got, 1, E.ECANCELED, "the rules for devices were not set");
}

/** The monitor's side: it has rights that init may have none of in its user namespace. */
export function setDeviceRules(c: Context, ended: Label): void {
  const { monitor, resolved } = c;
  const devices = resolved.cgroup?.devices;
  if (!devices) return;
  monitor.at("resources.devices");
  receive(c, monitor.memory.zeroed(8), 1, ended);
  if (devices.version === 1) for (const step of devices.steps) makeStep(monitor, step);
  else attachDeviceProgram(monitor, devices.directory, devices.program);
  monitor.at("resources.devices").sys("sendto", [c.sync.monitor, monitor.str("d"), 1, MSG.NOSIGNAL, 0, 0]);
}

/** Either file has a few lines. */
const REPORT_SIZE = 512;

const memoryDirectory = ({ resolved }: Context) =>
  resolved.cgroup?.handle.directories.find(({ controllers }) => controllers.includes("memory"));

/** Where it is kept what the memory controller has seen, if there is one. */
export function memoryEventsBuffer(c: Context): MemoryEvents | undefined {
  return memoryDirectory(c) && { buffer: c.program.memory.zeroed(REPORT_SIZE), size: REPORT_SIZE };
}

export interface MemoryEvents {
  readonly buffer: DataRef;
  readonly size: number;
}

/** The report of what the memory controller has seen, sent before the cgroup is removed. */
export function reportMemoryEvents(c: Context, { buffer, size }: MemoryEvents): void {
  const { monitor } = c;
  const memory = memoryDirectory(c);
  if (!memory) return;
  monitor.at("resources");
  const name = memory.version === 2 ? "memory.events" : "memory.oom_control";
  const [file, length, unreadable] = [c.program.register("file"), c.program.register("length"), monitor.label()];
  const path = monitor.str(`${memory.path}/${name}`);
  // systemd may remove it at any time when its last process has ended: then what it saw is not known.
  const jump = { on: [E.ENOENT, E.ENODEV], to: unreadable };
  monitor.sys("openat", [AT.FDCWD, path, O.RDONLY | O.CLOEXEC, 0], {
    dst: file,
    jump,
    why: "ask for killed processes",
  });
  monitor.sys("read", [file, buffer, size], { dst: length, ...(c.resolved.cgroup?.scope ? { jump } : {}) });
  monitor.sys("close", [file]);
  monitor.send(REPORT.MEMORY_EVENTS, buffer, length);
  monitor.place(unreadable);
}
