import {
  AT,
  CAPABILITIES,
  CLONE,
  capabilityNumber,
  E,
  MS,
  O,
  PR,
  PR_CAP_AMBIENT,
  S,
  SIG,
  SIG_SETMASK,
  u32s,
  u64s,
} from "../linux/index.ts";
import type { BlockBuilder, DataRef, Label, Register } from "../program/index.ts";
import type { NetProcess, NetWord } from "../spec/index.ts";
import { FIXED_FD, type ProcessContext, REPORT } from "./context.ts";
import { pathOfProcess } from "./namespaces.ts";
import type { ResolvedProcess } from "./resolved.ts";

/** What this needs of the context of a process. */
type NetContext = Pick<ProcessContext, "program" | "monitor" | "proc"> &
  Partial<Pick<ProcessContext, "sync">> & { readonly resolved: Pick<ResolvedProcess, "features"> };

/** Whose network a program is to carry. */
export interface NetTarget {
  /** A descriptor of its network namespace. */
  readonly network: Register;
  /** A descriptor of the user namespace that has the rights over it; undefined: the monitor's own has them. */
  readonly owner: Register | undefined;
  /** An empty directory of the host's that something may be mounted over, where nobody else sees it. */
  readonly scratch: string;
}

/**
 * Starts a program that carries an interface's traffic, and waits until it is ready. Three processes come after each other: one enters the user namespace and makes
 * a mount namespace in which the network namespace has a path, so that the program needs no right to look at others' files of /proc; the first process of a pid
 * namespace, which dies with the monitor and takes with it whatever the program has become (a death signal of its own would not outlast its changes of
 * credentials, prctl(2)); and the program.
 */
export function startNetProcess(c: NetContext, step: NetProcess, target: NetTarget): void {
  const { monitor, program } = c;
  const network = program.block("network").at(monitor.member);
  const keeper = program.block("keeper").at(monitor.member);
  const told = pipe(monitor, "told");
  const nothing = monitor.str("/dev/null");
  const none = monitor.sysResult("null", "openat", [AT.FDCWD, nothing, O.RDWR | O.CLOEXEC, 0]);
  dieWith(network);
  // In a pid namespace that is not the container's own it is seen there, with the host's tree (CVE-2016-9962); who is born of it is hidden, too.
  network.sys("prctl", [PR.SET_DUMPABLE, 0, 0, 0, 0], { why: "be no target for the container" });
  // The container sees by its other end that the monitor is there.
  if (c.sync) network.sys("close", [c.sync.monitor]);
  enterPlaces(network, target);
  keepCapabilities(c, network);
  network.spawn(keeper, { flags: CLONE.NEWPID | CLONE.PARENT }, { dst: program.register("net_process") });
  keep(c, keeper, step, { told: told.write, none, scratch: target.scratch });
  monitor.spawn(network, { flags: SIG.CHLD }, { dst: program.register("net_process"), why: step.why });
  for (const descriptor of [told.write, none]) monitor.sys("close", [descriptor]);
  awaitReady(monitor, told.read, step);
}

/** Seconds that a program may take to be ready. */
const PATIENCE = 20;
const POLLIN = 1;

/** Who is at the other end has said what went wrong; so this is what stops the rest. */
function awaitReady(monitor: BlockBuilder, told: Register, { args: [path], why }: NetProcess): void {
  // struct pollfd: int fd, short events, short revents
  const entry = monitor.memory.bytes(u32s(0, POLLIN));
  monitor.store(entry, told, 4);
  const ready = monitor.sysResult("ready", "ppoll", [entry, 1, monitor.memory.bytes(u64s(PATIENCE, 0)), 0, 8]);
  monitor.expectNot(ready, 0, E.ETIMEDOUT, `${path} was not ready after ${PATIENCE} s`);
  const got = monitor.sysResult("received", "read", [told, monitor.memory.zeroed(8), 1]);
  monitor.sys("close", [told]);
  monitor.expect(got, 1, E.ECANCELED, why);
}

/** The user namespace of a process, which has the rights over its network; where it goes on when that has ended. */
export function openOwner(c: Pick<NetContext, "monitor" | "program" | "proc">, pid: Register, ended: Label): Register {
  const path = pathOfProcess(c.monitor, pid, "ns/user");
  const jump = { on: [E.ENOENT, E.ESRCH], to: ended };
  const dst = c.program.register("ns_owner");
  c.monitor.sys("openat", [c.proc, path, O.RDONLY | O.CLOEXEC, 0], { dst, jump });
  return dst;
}

/** The name of the network namespace in the scratch directory. */
const NAME = "network";

function enterPlaces(block: BlockBuilder, { network, owner, scratch }: NetTarget): void {
  if (owner) block.sys("setns", [owner, CLONE.NEWUSER], { why: "have the rights over the container's network" });
  block.sys("unshare", [CLONE.NEWNS]);
  block.sys("mount", [0, block.str("/"), 0, MS.REC | MS.PRIVATE, 0]);
  const flags = MS.NOSUID | MS.NODEV | MS.NOEXEC;
  block.sys("mount", [block.str("libct"), block.str(scratch), block.str("tmpfs"), flags, block.str("size=4k")]);
  const file = block.str(`${scratch}/${NAME}`);
  block.sys("mknodat", [AT.FDCWD, file, S.IFREG | 0o600, 0]);
  const prefix = "/proc/self/fd/";
  const link = block.memory.bytes(new TextEncoder().encode(`${prefix}${"\0".repeat(12)}`));
  block.decimal(block.memory.at(link, prefix.length), network, 11);
  block.sys("mount", [link, file, 0, MS.BIND, 0], { why: "give the network namespace a path" });
}

/** With an id that is not the namespace's root they would go with execve, but for the ambient ones (capabilities(7)). */
function keepCapabilities({ resolved: { features } }: NetContext, block: BlockBuilder): void {
  if (!features.ambientCapabilities) return;
  const all = (1n << BigInt(features.lastCapability + 1)) - 1n;
  const [low, high] = [Number(all & 0xffffffffn), Number(all >> 32n)];
  const CAPABILITY_VERSION_3 = 0x20080522;
  const sets = block.memory.bytes(u32s(low, low, low, high, high, high));
  // Whoever has not all of them, as in a container, has enough or will be told by the program.
  block.sys("capset", [block.memory.bytes(u32s(CAPABILITY_VERSION_3, 0)), sets], { tolerate: [E.EPERM] });
  for (const name of CAPABILITIES.filter((one) => NEEDED.has(one))) {
    const raise = [PR.CAP_AMBIENT, PR_CAP_AMBIENT.RAISE, capabilityNumber(name) ?? -1, 0, 0];
    block.sys("prctl", raise, { tolerate: [E.EPERM] });
  }
}

/** What pasta and slirp4netns keep for their own isolation and for the network. */
const NEEDED: ReadonlySet<string> = new Set(
  "SYS_ADMIN NET_ADMIN NET_BIND_SERVICE SYS_PTRACE SETUID SETGID SETPCAP SYS_CHROOT"
    .split(" ")
    .map((name) => `CAP_${name}`),
);

interface KeeperPlaces {
  readonly told: Register;
  readonly none: Register;
  readonly scratch: string;
}

/** The first process of the pid namespace: tells when the program is ready, or why it is not, and is there as long as the program is. */
function keep(c: NetContext, keeper: BlockBuilder, step: NetProcess, { told, none, scratch }: KeeperPlaces): void {
  const { program } = c;
  const child = program.block(step.args[0].slice(step.args[0].lastIndexOf("/") + 1)).at(keeper.member);
  const [pid, started] = [program.register("net_program"), keeper.label()];
  dieWith(keeper);
  const errors = pipe(keeper, "errors", O.NONBLOCK);
  const ready = step.ready === "writes" ? pipe(keeper, "ready") : undefined;
  keeper.spawn(child, { flags: SIG.CHLD }, { dst: pid });
  keeper.sys("close", [errors.write]);
  if (ready) {
    keeper.sys("close", [ready.write]);
    const got = keeper.sysResult("received", "read", [ready.read, keeper.memory.zeroed(8), 1]);
    keeper.jumpIf(got, 1, started);
  } else {
    const [status, code] = [keeper.memory.zeroed(8), program.register("status")];
    keeper.sys("wait4", [pid, status, 0, 0]);
    keeper.load(code, status, 4);
    keeper.jumpIf(code, 0, started);
  }
  tellErrors(keeper, errors.read);
  keeper.fail(E.EIO, `${step.args[0]} failed`);
  keeper.place(started);
  keeper.sys("write", [told, keeper.str("r"), 1], { why: "tell that it is ready" });
  stay(c, keeper, errors.read);
  execute(child, step.args, { none, errors: errors.write, ready: ready?.write, scratch });
}

/** It keeps nothing open but the end of the program's error output, since who writes to a pipe that nobody reads from gets a signal. */
function stay({ resolved: { features } }: NetContext, keeper: BlockBuilder, errors: Register): void {
  const ignore = keeper.memory.bytes(u64s(SIG_IGN, 0, 0, 0));
  keeper.sys("dup3", [errors, 0, 0]);
  if (features.closeRange) keeper.sys("close_range", [1, 0xffffffff, 0]);
  else for (const fd of DENSE) keeper.sys("close", [fd], { tolerate: [E.EBADF] });
  // So the kernel reaps what the program leaves, and the waiting ends when none of it is there any more (wait(2)).
  keeper.sys("rt_sigaction", [SIG.CHLD, ignore, 0, 8]);
  keeper.sys("wait4", [-1, 0, 0, 0], { tolerate: [E.ECHILD] });
}

const SIG_IGN = 1;
/** The kernel gives the lowest free number; for kernels without close_range. */
const DENSE = Array.from({ length: 128 }, (_, index) => index + 1);

/** Bytes of what a program says that are told. */
const MOST_TOLD = 2048;

function tellErrors(keeper: BlockBuilder, errors: Register): void {
  const silent = keeper.label();
  const text = keeper.memory.zeroed(MOST_TOLD);
  const length = keeper.program.register("length");
  keeper.sys("read", [errors, text, MOST_TOLD], { dst: length, jump: { on: [E.EAGAIN], to: silent } });
  keeper.send(REPORT.NET_PROCESS, text, length);
  keeper.place(silent);
}

function execute(
  child: BlockBuilder,
  args: NetProcess["args"],
  places: {
    readonly none: Register;
    readonly errors: Register;
    readonly ready: Register | undefined;
    readonly scratch: string;
  },
): void {
  const { memory } = child;
  const word = (one: NetWord): DataRef => {
    if (typeof one === "string") return child.str(one);
    return child.str("path" in one ? `${places.scratch}/${NAME}` : String(FIXED_FD.READY));
  };
  if (places.ready) child.sys("dup3", [places.ready, FIXED_FD.READY, 0]);
  child.sys("dup3", [places.none, 0, 0]);
  child.sys("dup3", [places.none, 1, 0]);
  child.sys("dup3", [places.errors, 2, 0]);
  child.sys("chdir", [child.str("/")]);
  child.sys("rt_sigprocmask", [SIG_SETMASK, memory.zeroed(8), 0, 8]);
  const environment = memory.strings(["PATH=/usr/bin:/bin"]);
  child.sys("execve", [child.str(args[0]), memory.pointers(args.map(word)), environment], {
    why: `execute ${args[0]}`,
  });
}

const dieWith = (block: BlockBuilder) => block.sys("prctl", [PR.SET_PDEATHSIG, SIG.KILL, 0, 0, 0]);

interface Pipe {
  readonly read: Register;
  readonly write: Register;
}

function pipe(block: BlockBuilder, name: string, flags = 0): Pipe {
  const pair = block.memory.zeroed(8);
  const ends = { read: block.program.register(`${name}_read`), write: block.program.register(`${name}_write`) };
  block.sys("pipe2", [pair, O.CLOEXEC | flags]);
  block.load(ends.read, pair, 4);
  block.load(ends.write, block.memory.at(pair, 4), 4);
  return ends;
}
