import { type Arch, AT, CLONE, E, type KernelFeatures, O, openFlags, u64s } from "../linux/index.ts";
import { type BlockBuilder, type Program, ProgramBuilder, type Register } from "../program/index.ts";
import type { NetProcess } from "../spec/index.ts";
import { NOTICE } from "./context.ts";
import {
  beginChild,
  type MappedContext,
  openProcfs,
  openSync,
  pathOfProcess,
  receive,
  spawn,
  waitForIdMaps,
  writeIdMaps,
} from "./namespaces.ts";
import { startNetProcess } from "./net-processes.ts";
import type { IdMaps } from "./resolved.ts";

/** The files of a holder of networks, in a directory of its own. */
export const HOLDER_FILE = {
  /** Decimal: whose namespaces they are. Written when all is there. */
  PID: "pid",
  /** Whoever uses the networks has a shared lock on it (flock(2)). */
  USERS: "users",
  /** The holder has an exclusive lock on it: so nobody takes the pid for the holder's when it is another's. */
  ALIVE: "alive",
} as const;

const LOCK = { SH: 1, EX: 2, NB: 4, UN: 8 } as const;

export interface HolderPlan {
  readonly arch: Arch;
  readonly features: KernelFeatures;
  readonly idMaps: IdMaps;
  /** An empty one. */
  readonly directory: string;
  readonly scratch: string;
  /** What connects its network to the host's. */
  readonly connection: NetProcess;
}

/**
 * The networks of an ordinary user live in a user namespace of their own, that maps his ids, and a network namespace. One process is there to be found in them; it
 * ends when nobody has used the networks for a while. Its monitor outlives the application that has started it, and the connection to the outside is its child.
 */
export function compileHolder(plan: HolderPlan): Program {
  const { arch, features, idMaps, directory, scratch, connection } = plan;
  const program = new ProgramBuilder(arch);
  const monitor = program.block("monitor");
  const init = program.block("holder");
  const proc = openProcfs(monitor.at("nics"), { arch });
  const resolved = { features, idMaps };
  const c = { resolved, program, monitor, init, stage: undefined, proc, sync: openSync(monitor) };
  const [pid, ended] = [program.register("init"), monitor.label()];
  const flags = O.PATH | O.CLOEXEC | openFlags(arch).DIRECTORY;
  const record = monitor.sysResult("record", "openat", [AT.FDCWD, monitor.str(directory), flags, 0]);
  removeFiles(program.epilogue().at("nics"), record, directory);
  beginChild(init, c);
  waitForIdMaps(init, c);
  hold(c, init.at("nics"), record);
  spawn(monitor, { features }, init, CLONE.NEWUSER | CLONE.NEWNET, pid);
  monitor.sys("close", [c.sync.child]);
  writeIdMaps(c, idMaps, pid);
  receive(c, monitor.at("nics").memory.zeroed(8), 1, ended);
  const network = program.register("ns_container");
  const path = pathOfProcess(monitor, pid, "ns/net");
  monitor.sys("openat", [proc, path, O.RDONLY | O.CLOEXEC, 0], { dst: network });
  startNetProcess(c, connection, { network, owner: { pid, ended }, scratch });
  monitor.at("nics").sys("close", [network]);
  writePid(monitor, record, pid);
  leave(monitor);
  monitor.notify(NOTICE.STARTED, [pid]);
  monitor.place(ended);
  monitor.supervise(pid, { master: -1, input: -1, output: -1 }, { keepRunning: true });
  return program.finish();
}

function removeFiles(epilogue: BlockBuilder, record: Register, directory: string): void {
  const nothing = epilogue.label();
  epilogue.jumpIf(record, 0, nothing);
  for (const name of Object.values(HOLDER_FILE))
    epilogue.sys("unlinkat", [record, epilogue.str(name), 0], { tolerate: [E.ENOENT] });
  epilogue.sys("unlinkat", [AT.FDCWD, epilogue.str(directory), AT.REMOVEDIR], { tolerate: [E.ENOENT] });
  epilogue.place(nothing);
}

function writePid(monitor: BlockBuilder, record: Register, pid: Register): void {
  const text = monitor.memory.zeroed(16);
  const flags = O.WRONLY | O.CREAT | O.CLOEXEC;
  const file = monitor.sysResult("file", "openat", [record, monitor.str(`${HOLDER_FILE.PID}.new`), flags, 0o600]);
  monitor.decimal(text, pid, 12, " ");
  monitor.sys("write", [file, text, 12]);
  monitor.sys("close", [file]);
  monitor.sys("renameat", [record, monitor.str(`${HOLDER_FILE.PID}.new`), record, monitor.str(HOLDER_FILE.PID)]);
}

/** Nothing of the application's may be kept. */
function leave(monitor: BlockBuilder): void {
  monitor.sys("setsid", [], { tolerate: [E.EPERM] });
  monitor.sys("chdir", [monitor.str("/")]);
  const none = monitor.sysResult("null", "openat", [AT.FDCWD, monitor.str("/dev/null"), O.RDWR | O.CLOEXEC, 0]);
  for (const number of [0, 1, 2]) monitor.sys("dup3", [none, number, 0]);
  monitor.sys("close", [none]);
}

/** Its network namespace is a router; the host's own settings say nothing of it. */
function forward(init: BlockBuilder, proc: Register): void {
  for (const name of ["ipv4/ip_forward", "ipv6/conf/all/forwarding"]) {
    const without = init.label();
    const path = init.str(`sys/net/${name}`);
    init.sys("openat", [proc, path, O.WRONLY | O.CLOEXEC, 0], {
      dst: init.program.register("file"),
      jump: { on: [E.ENOENT], to: without },
    });
    init.sys("write", [init.program.register("file"), init.str("1"), 1]);
    init.sys("close", [init.program.register("file")]);
    init.place(without);
  }
}

/** Seconds that a holder waits for the next user: whoever runs one container after the other pays for it once. */
const LINGER = 1;
/** How often it waits for a next one; a program has no loops. After these it ends as soon as it is alone. */
const ROUNDS = 256;

/** The holder's life. The kernel gives it the exclusive lock when nobody has a shared one, however those ended who had. */
function hold(c: MappedContext, init: BlockBuilder, record: Register): void {
  const open = (name: string) =>
    init.sysResult(name, "openat", [record, init.str(name), O.RDWR | O.CREAT | O.CLOEXEC, 0o600]);
  const [users, alive] = [open(HOLDER_FILE.USERS), open(HOLDER_FILE.ALIVE)];
  init.sys("flock", [alive, LOCK.EX | LOCK.NB]);
  forward(init, c.proc);
  init.sys("chdir", [init.str("/")]);
  init.sys("sendto", [c.sync.child, init.memory.zeroed(8), 1, 0, 0, 0]);
  // It keeps nothing open but the two. When it ends the kernel closes the lower one first: who gets the other lock then sees that it has gone.
  init.sys("dup3", [alive, 0, 0]);
  init.sys("dup3", [users, 1, 0]);
  if (c.resolved.features.closeRange) init.sys("close_range", [2, 0xffffffff, 0]);
  else for (let fd = 2; fd < 128; fd++) init.sys("close", [fd], { tolerate: [E.EBADF] });
  const pause = init.memory.bytes(u64s(LINGER, 0));
  // The first one to use it comes soon, if he comes at all.
  init.sys("nanosleep", [init.memory.bytes(u64s(PATIENCE, 0)), 0]);
  for (let round = 0; round < ROUNDS; round++) {
    const next = init.label();
    init.sys("flock", [1, LOCK.EX]);
    init.sys("flock", [1, LOCK.UN]);
    init.sys("nanosleep", [pause, 0]);
    init.sys("flock", [1, LOCK.EX | LOCK.NB], { jump: { on: [E.EAGAIN], to: next } });
    init.sys("exit_group", [0]);
    init.place(next);
  }
  init.sys("flock", [1, LOCK.EX]);
}

/** Seconds for the first user. */
const PATIENCE = 2;

/** Where a container's networks are. */
export interface HolderPlace {
  readonly directory: string;
  readonly pid: number;
}

/**
 * The first thing that the monitor of a container does on an ordinary user's networks: it goes to their namespaces, where it has the rights of root over them, and
 * makes the container from there, in a user namespace below theirs. The lock is the monitor's as long as it lives.
 */
export function enterHolder(block: BlockBuilder, proc: Register, { directory, pid }: HolderPlace): void {
  block.at("nics");
  expectHolder(block, directory);
  const open = (name: string) =>
    block.sysResult(`ns_holder_${name}`, "openat", [proc, block.str(`${pid}/ns/${name}`), O.RDONLY | O.CLOEXEC, 0], {
      why: "find the user's networks",
    });
  const [user, network] = [open("user"), open("net")];
  block.sys("setns", [user, CLONE.NEWUSER], { why: "have the rights over the user's networks" });
  block.sys("setns", [network, CLONE.NEWNET], { why: "go to the user's networks" });
  for (const descriptor of [user, network]) block.sys("close", [descriptor]);
}

/** Takes the shared lock, and makes sure that there is a holder: it cannot go then. */
function expectHolder(block: BlockBuilder, directory: string): void {
  const there = block.label();
  const open = (name: string) => {
    const path = block.str(`${directory}/${name}`);
    return block.sysResult(`holder_${name}`, "openat", [AT.FDCWD, path, O.RDWR | O.CLOEXEC, 0]);
  };
  const [users, alive] = [open(HOLDER_FILE.USERS), open(HOLDER_FILE.ALIVE)];
  block.sys("flock", [users, LOCK.SH], { why: "use the user's networks" });
  block.sys("flock", [alive, LOCK.SH | LOCK.NB], { jump: { on: [E.EAGAIN], to: there } });
  block.fail(E.ESTALE, "the holder of the user's networks has gone");
  block.place(there);
  block.sys("close", [alive]);
}

/** A program that uses a holder until it is told to go on, so that it stays while a container is made. */
export function compileVisit(arch: Arch, directory: string): Program {
  const program = new ProgramBuilder(arch);
  const block = program.block("monitor").at("nics");
  expectHolder(block, directory);
  block.notify(NOTICE.STARTED, []);
  block.await(block.memory.zeroed(8), 8, program.register("length"));
  return program.finish();
}
