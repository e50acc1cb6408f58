import { hostArch, type ProgramRunner, tryChild } from "../executor/index.ts";
import { AT, CLONE, E, MOUNT_ATTR, MS, O, OPEN_TREE, SECCOMP, SIG, u64s } from "../linux/index.ts";
import { type BlockBuilder, encodeProgram, ProgramBuilder } from "../program/index.ts";
import { NAMESPACE_TYPES, type NamespaceType } from "../spec/index.ts";
import type { Caller } from "./caller.ts";

/** What came of really trying something in a child process: 0 when it works, else its errno. */
export interface Trials {
  readonly userNamespace: number;
  /** Mounting with the caller's own rights, in a mount namespace of the caller's user namespace. */
  readonly mount: number;
  readonly mountInUserNamespace: number;
  readonly procInUserNamespace: number;
  readonly overlayInUserNamespace: number;
  readonly fuseInUserNamespace: number;
  /** Making each type as a container of this caller would: below a user namespace without privileges. */
  readonly namespaces: Readonly<Record<Exclude<NamespaceType, "user">, number>>;
  /** Of the filesystem that "/" is. */
  readonly idmappedMount: number;
  readonly seccompFilter: number;
}

const NEW: Readonly<Record<NamespaceType, number>> = {
  user: CLONE.NEWUSER,
  mount: CLONE.NEWNS,
  pid: CLONE.NEWPID,
  network: CLONE.NEWNET,
  ipc: CLONE.NEWIPC,
  uts: CLONE.NEWUTS,
  cgroup: CLONE.NEWCGROUP,
  time: CLONE.NEWTIME,
};

/** Every mount is made in a mount namespace of the child's own, and goes with it. */
export async function runTrials(runner: ProgramRunner, caller: Caller, scratch: string): Promise<Trials> {
  const inside = CLONE.NEWUSER | CLONE.NEWNS;
  const proc = MS.NOSUID | MS.NODEV | MS.NOEXEC;
  return {
    userNamespace: await tryChild(runner, CLONE.NEWUSER, () => undefined),
    mount: await tryChild(runner, CLONE.NEWNS, (block) => {
      block.sys("mount", [0, block.str("/"), 0, MS.REC | MS.PRIVATE, 0]);
      mount(block, "tmpfs", scratch);
    }),
    mountInUserNamespace: await tryChild(runner, inside, (block) => mount(block, "tmpfs", scratch)),
    procInUserNamespace: await tryChild(runner, inside | CLONE.NEWPID, (block) => mount(block, "proc", scratch, proc)),
    overlayInUserNamespace: await tryChild(runner, inside, (block) => {
      mapOwnIds(block, caller);
      mountOverlay(block, scratch);
    }),
    fuseInUserNamespace: await tryChild(runner, inside, (block) => {
      mapOwnIds(block, caller);
      mountFuse(block, scratch);
    }),
    namespaces: await tryNamespaces(runner, caller),
    idmappedMount: await tryIdmappedMount(runner),
    seccompFilter: await trySeccomp(runner),
  };
}

async function tryNamespaces(runner: ProgramRunner, caller: Caller): Promise<Trials["namespaces"]> {
  const types = NAMESPACE_TYPES.filter((type) => type !== "user");
  const above = caller.privileged ? 0 : CLONE.NEWUSER;
  // unshare(2) and not the flags of clone(2), where CLONE_NEWTIME would be taken for a signal's number.
  const results = await Promise.all(
    types.map((type) => tryChild(runner, above, (block) => block.sys("unshare", [NEW[type]]))),
  );
  return Object.fromEntries(types.map((type, index) => [type, results[index] ?? 0])) as Trials["namespaces"];
}

function mount(block: BlockBuilder, type: string, target: string, flags = 0, data = ""): void {
  block.sys("mount", [block.str(type), block.str(target), block.str(type), flags, block.str(data)]);
}

function mountOverlay(block: BlockBuilder, scratch: string): void {
  mount(block, "tmpfs", scratch);
  for (const name of ["upper", "work", "root"]) {
    block.sys("mkdirat", [AT.FDCWD, block.str(`${scratch}/${name}`), 0o755]);
  }
  mount(
    block,
    "overlay",
    `${scratch}/root`,
    0,
    `lowerdir=/usr,upperdir=${scratch}/upper,workdir=${scratch}/work,userxattr`,
  );
}

const FD_DIGITS = 10;

/** The filesystem is mounted though nobody serves it: the kernel asks its server no sooner than somebody looks at it. */
function mountFuse(block: BlockBuilder, scratch: string): void {
  const fd = block.sysResult("fuse", "openat", [AT.FDCWD, block.str("/dev/fuse"), O.RDWR | O.CLOEXEC, 0]);
  // The descriptor comes last, and NULs after it: the kernel would take zeroes before it for a sign of octal.
  const options = "rootmode=40000,user_id=0,group_id=0,fd=";
  const data = block.memory.bytes(new TextEncoder().encode(options + "\0".repeat(FD_DIGITS + 1)));
  block.decimal(block.memory.at(data, options.length), fd, FD_DIGITS);
  block.sys("mount", [block.str("fuse"), block.str(scratch), block.str("fuse"), MS.NOSUID | MS.NODEV, data]);
}

/** Without a mapping nothing can be made in a filesystem (user_namespaces(7)). */
function mapOwnIds(block: BlockBuilder, { uid, gid }: Pick<Caller, "uid" | "gid">): void {
  for (const [file, content] of [
    ["setgroups", "deny"],
    ["gid_map", `0 ${gid} 1`],
    ["uid_map", `0 ${uid} 1`],
  ] as const) {
    const fd = block.sysResult("file", "openat", [AT.FDCWD, block.str(`/proc/self/${file}`), O.WRONLY | O.CLOEXEC, 0]);
    block.sys("write", [fd, block.str(content), content.length]);
    block.sys("close", [fd]);
  }
}

/** clone(2): the child's descriptors are its parent's. */
const CLONE_FILES = 0x400;
const SHARED_FD = 100;

/** The mapping comes from a user namespace (mount_setattr(2)): a child makes one and opens it in the table of descriptors that both have. */
function tryIdmappedMount(runner: ProgramRunner): Promise<number> {
  return tryProgram(runner, (program, monitor) => {
    const holder = program.block("holder");
    mapOwnIds(holder, { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 });
    const own = holder.sysResult("own", "openat", [
      AT.FDCWD,
      holder.str("/proc/self/ns/user"),
      O.RDONLY | O.CLOEXEC,
      0,
    ]);
    holder.sys("dup3", [own, SHARED_FD, O.CLOEXEC]);
    const pid = program.register("holder");
    monitor.spawn(holder, { flags: CLONE.NEWUSER | CLONE_FILES | SIG.CHLD }, { dst: pid });
    monitor.sys("wait4", [pid, 0, 0, 0]);
    const tree = monitor.sysResult("tree", "open_tree", [
      AT.FDCWD,
      monitor.str("/"),
      OPEN_TREE.CLONE | OPEN_TREE.CLOEXEC,
    ]);
    const attributes = program.memory.bytes(u64s(MOUNT_ATTR.IDMAP, 0, 0, SHARED_FD));
    monitor.sys("mount_setattr", [tree, monitor.str(""), AT.EMPTY_PATH, attributes, 32]);
  });
}

/** Without a filter the kernel fails in reading it when it has filters (EFAULT), and before that when it has none (seccomp(2), "EFAULT"). */
async function trySeccomp(runner: ProgramRunner): Promise<number> {
  const errno = await tryProgram(runner, (_, monitor) => monitor.sys("seccomp", [SECCOMP.SET_MODE_FILTER, 0, 0]));
  return errno === E.EFAULT ? 0 : errno;
}

/** F_GET_SEALS and what it gives (fcntl(2), "File Sealing"). */
const F_GET_SEALS = 1034;
const F_SEAL_WRITE = 8;

/** Whether the executor runs from a copy of itself that nobody can write to, not even root in a container that gets hold of it. */
export async function isSealed(runner: ProgramRunner): Promise<boolean> {
  let seals = 0;
  await tryProgram(
    runner,
    (_, monitor) => {
      const own = monitor.sysResult("own", "openat", [
        AT.FDCWD,
        monitor.str("/proc/self/exe"),
        O.RDONLY | O.CLOEXEC,
        0,
      ]);
      monitor.notify(0, [monitor.sysResult("seals", "fcntl", [own, F_GET_SEALS, 0])]);
    },
    (value) => {
      seals = value;
    },
  );
  return (seals & F_SEAL_WRITE) !== 0;
}

/** Runs operations in a process of their own; gives 0, or the errno of the first that failed. */
function tryProgram(
  runner: ProgramRunner,
  act: (program: ProgramBuilder, monitor: BlockBuilder) => void,
  notified: (value: number) => void = () => undefined,
): Promise<number> {
  const program = new ProgramBuilder(hostArch());
  act(program, program.block("monitor"));
  return new Promise((resolve, reject) => {
    let errno = 0;
    runner.run(encodeProgram(program.finish()), {
      notify: (_, [value = 0]) => notified(value),
      fail: (failure) => {
        errno ||= failure.errno;
      },
      done: (error) => (error ? reject(error) : resolve(errno)),
    });
  });
}
