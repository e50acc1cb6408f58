import {
  type Arch,
  AT,
  CLONE,
  E,
  F_DUPFD_CLOEXEC,
  type KernelFeatures,
  LOCK,
  O,
  openFlags,
  u64s,
} from "../linux/index.ts";
import { type BlockBuilder, type DataRef, type Program, ProgramBuilder, type Register } from "../program/index.ts";
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
import { openOwner, startNetProcess } from "./net-processes.ts";
import { HOLDER_FILE } from "./net-visit.ts";
import type { IdMaps } from "./resolved.ts";

/** Namespaces that have lost their holder, by files in the procfs of processes that keep them. */
export interface LostNetworks {
  readonly user: string;
  readonly network: string;
}

export interface HolderPlan {
  readonly arch: Arch;
  readonly features: KernelFeatures;
  readonly idMaps: IdMaps;
  /** An empty one, or that of the holder that was lost. */
  readonly directory: string;
  readonly scratch: string;
  /** What connects its network to the host's. */
  readonly connection: NetProcess;
  /** Instead of new ones. */
  readonly lost?: LostNetworks | undefined;
}

/**
 * The networks of an ordinary user live in a user namespace of their own, that maps his ids, and a network namespace. One process is there to be found in them; it
 * ends when nobody has used the networks for a while. Its monitor outlives the application that has started it, and the connection to the outside is its child. When
 * the process is killed the monitor makes another one in the same namespaces. With `lost` they are those of a holder whose monitor was killed as well.
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
  endHolder(program.epilogue().at("nics"), record, directory);
  const found = findNamespaces(c, plan.lost);
  beginHolder(c, found);
  hold(c, init.at("nics"), record);
  spawnHolder(c, found, pid);
  monitor.sys("close", [c.sync.child]);
  receive(c, monitor.at("nics").memory.zeroed(8), 1, ended);
  const network = program.register("ns_container");
  const path = pathOfProcess(monitor, pid, "ns/net");
  monitor.sys("openat", [proc, path, O.RDONLY | O.CLOEXEC, 0], { dst: network });
  const owner = openOwner(c, pid, ended);
  startNetProcess(c, connection, { network, owner, scratch });
  writePid(monitor.at("nics"), record, pid);
  leave(monitor);
  keepNamespaces(c, { user: owner, network, known: found.known });
  monitor.notify(NOTICE.STARTED, [pid]);
  monitor.place(ended);
  monitor.supervise(pid, { master: -1, input: -1, output: -1 }, { keepRunning: true });
  return program.finish();
}

/** Where the monitor keeps them from one run of its program to the next, in the place of streams that nobody uses. */
const KEPT = { user: 0, network: 1 } as const;

interface FoundNamespaces {
  readonly user: Register;
  readonly network: Register;
  /** 1 in memory when there are any, also in a further run. */
  readonly known: DataRef;
}

function findNamespaces({ program, monitor, proc }: MappedContext, lost: LostNetworks | undefined): FoundNamespaces {
  const found = {
    user: program.register("ns_user"),
    network: program.register("ns_host"),
    known: program.memory.zeroed(8),
  };
  const [isKnown, again, there] = [program.register("known"), monitor.label(), monitor.label()];
  const why = "find the user's networks again";
  monitor.load(isKnown, found.known, 8);
  monitor.jumpIf(isKnown, 1, again);
  for (const type of lost ? (["user", "network"] as const) : [])
    monitor.sys("openat", [proc, monitor.str(lost?.[type] ?? ""), O.RDONLY | O.CLOEXEC, 0], { dst: found[type], why });
  if (lost) monitor.store(found.known, 1, 8);
  monitor.jump(there);
  monitor.place(again);
  for (const type of ["user", "network"] as const)
    monitor.sys("fcntl", [KEPT[type], F_DUPFD_CLOEXEC, 5], { dst: found[type], why });
  monitor.place(there);
  monitor.load(isKnown, found.known, 8);
  return found;
}

/** Into namespaces that are there already, or as the first process of new ones, whose ids are still to be mapped. */
function beginHolder(
  c: MappedContext & { readonly init: BlockBuilder; readonly stage: undefined },
  found: FoundNamespaces,
) {
  const { init, program } = c;
  const [fresh, there] = [init.label(), init.label()];
  beginChild(init, c);
  init.jumpUnless(program.register("known"), 1, fresh);
  init.at("nics").sys("setns", [found.user, CLONE.NEWUSER], { why: "go on with the user's networks" });
  init.sys("setns", [found.network, CLONE.NEWNET], { why: "go on with the user's networks" });
  init.jump(there);
  init.place(fresh);
  waitForIdMaps(init, c);
  init.place(there);
}

function spawnHolder(c: MappedContext & { readonly init: BlockBuilder }, found: FoundNamespaces, pid: Register): void {
  const { monitor, init, program, resolved } = c;
  const [fresh, made] = [monitor.label(), monitor.label()];
  monitor.jumpUnless(program.register("known"), 1, fresh);
  spawn(monitor, resolved, init, 0, pid);
  for (const one of [found.user, found.network]) monitor.sys("close", [one]);
  monitor.jump(made);
  monitor.place(fresh);
  spawn(monitor, resolved, init, CLONE.NEWUSER | CLONE.NEWNET, pid);
  if (resolved.idMaps) writeIdMaps(c, resolved.idMaps, pid);
  monitor.place(made);
}

function keepNamespaces({ monitor }: MappedContext, { user, network, known }: FoundNamespaces): void {
  for (const [descriptor, number] of [
    [user, KEPT.user],
    [network, KEPT.network],
  ] as const) {
    monitor.sys("dup3", [descriptor, number, O.CLOEXEC], { why: "keep the user's networks" });
    monitor.sys("close", [descriptor]);
  }
  monitor.store(known, 1, 8);
}

/** When nobody uses the networks any more they go with their files; else the holder was killed, and there is another one soon. */
function endHolder(epilogue: BlockBuilder, record: Register, directory: string): void {
  const { program } = epilogue;
  const [nothing, used] = [epilogue.label(), epilogue.label()];
  epilogue.jumpIf(record, 0, nothing);
  const users = program.register("holder_users");
  const path = epilogue.str(HOLDER_FILE.USERS);
  epilogue.sys("openat", [record, path, O.RDWR | O.CLOEXEC, 0], { dst: users, jump: { on: [E.ENOENT], to: nothing } });
  epilogue.sys("flock", [users, LOCK.EX | LOCK.NB], { jump: { on: [E.EAGAIN], to: used } });
  for (const name of Object.values(HOLDER_FILE))
    epilogue.sys("unlinkat", [record, epilogue.str(name), 0], { tolerate: [E.ENOENT] });
  epilogue.sys("unlinkat", [AT.FDCWD, epilogue.str(directory), AT.REMOVEDIR], { tolerate: [E.ENOENT] });
  epilogue.jump(nothing);
  epilogue.place(used);
  epilogue.restart(record, 0, true, program.register("count"));
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
  const others = init.label();
  init.sys("flock", [alive, LOCK.EX | LOCK.NB], { jump: { on: [E.EAGAIN], to: others } });
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
  // Somebody else has taken over meanwhile.
  init.place(others);
  init.sys("exit_group", [0]);
}

/** Seconds for the first user. */
const PATIENCE = 2;
