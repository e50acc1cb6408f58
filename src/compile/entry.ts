import { AT, O, openFlags, PR } from "../linux/index.ts";
import type { BlockBuilder, ProgramBuilder, Register } from "../program/index.ts";
import { NAMESPACE_FILES, type NamespaceType } from "../spec/index.ts";
import { entranceOf } from "./cgroup.ts";
import type { ProcessContext } from "./context.ts";
import { becomeNamespaceRoot } from "./identity.ts";
import { joinIntelRdt } from "./intel-rdt.ts";
import { beginChild, CLONE_FLAG, openProcfs, openSync } from "./namespaces.ts";
import type { ResolvedEntry } from "./resolved.ts";
import { setAffinity } from "./scheduling.ts";
import { awaitScope } from "./scope.ts";

/** What the files of this room share while they compile the way into a container that runs. */
export interface EntryContext extends ProcessContext {
  readonly resolved: ResolvedEntry;
  /** /proc/PID of the container's first process. */
  readonly target: Register;
}

const directory = ({ arch }: ResolvedEntry) => O.PATH | O.CLOEXEC | openFlags(arch).DIRECTORY;

/** The monitor's beginning. A pid namespace is entered by a child of who joins it, so then there is a stage between the monitor and `name`. */
export function beginEntry(program: ProgramBuilder, resolved: ResolvedEntry, name: string): EntryContext {
  const monitor = program.block("monitor");
  const init = program.block(name);
  const stage = resolved.namespaces.has("pid") ? program.block("stage") : undefined;
  const proc = openProcfs(monitor.at("container"), resolved);
  const target = monitor.sysResult("target", "openat", [proc, monitor.str(resolved.target), directory(resolved), 0]);
  return { resolved, program, monitor, init, stage, proc, target, sync: openSync(monitor) };
}

/**
 * From the host into the container's namespaces, but for its mounts: nothing of the container's is looked at yet. `onHost` is what has to be done before: then
 * the process is charged to the container from the beginning. Before the container can see it, it cannot be traced (PR_SET_DUMPABLE in prctl(2)), nor can its
 * descriptors and its executable be reached. Then everything is opened, and only then the first namespace joined.
 */
export function joinContainer(
  block: BlockBuilder,
  c: EntryContext,
  onHost: () => void,
  bornIn: Register | undefined = undefined,
): void {
  const { resolved: r } = c;
  beginChild(block, c);
  if (r.attach) awaitScope(block, c);
  else enterCgroups(block, c, bornIn);
  for (const path of r.intelRdtPaths ?? []) joinIntelRdt(block, path);
  setAffinity(block, c, "final");
  onHost();
  block.at("container").sys("prctl", [PR.SET_DUMPABLE, 0, 0, 0, 0], { why: "be no target for the container" });
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
}

const NAMESPACE = O.RDONLY | O.CLOEXEC;

function enterCgroups(block: BlockBuilder, c: EntryContext, bornIn: Register | undefined): void {
  if (bornIn) block.at("resources").sys("close", [bornIn]);
  setAffinity(block, c, "initial");
  for (const { path, version } of c.resolved.cgroups) {
    if (version === 1 || !bornIn) joinCgroup(block, entranceOf(path, version));
  }
}

function joinCgroup(block: BlockBuilder, entrance: string): void {
  const what = { why: "enter the container's cgroup" };
  const fd = block
    .at("resources")
    .sysResult("file", "openat", [AT.FDCWD, block.str(entrance), O.WRONLY | O.CLOEXEC, 0], what);
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

/** After this "/" is the container's. */
export function enterRoot(c: EntryContext): void {
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
}
