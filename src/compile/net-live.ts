import { AT, CLONE, E, O, openFlags, PR, S } from "../linux/index.ts";
import { type BlockBuilder, type Program, ProgramBuilder, type Register } from "../program/index.ts";
import type { NetStep } from "../spec/index.ts";
import { NOTICE } from "./context.ts";
import { openProcfs } from "./namespaces.ts";
import { putBytes } from "./net-files.ts";
import { startNetProcess } from "./net-processes.ts";
import type { MemberStep } from "./net-requests.ts";
import { doSteps, goTo, takeHeld } from "./net-steps.ts";
import { enterHolder, type HolderPlace } from "./net-visit.ts";
import { closeOpened, type NetWorker, netWorker } from "./net-worker.ts";
import type { ResolvedProcess } from "./resolved.ts";

/** A step, and what takes it back when a later one fails, in this order. */
export interface LiveStep extends MemberStep {
  readonly undo?: readonly NetStep[];
}

/** A change of the network of a container that runs. */
export interface NetChange extends Pick<ResolvedProcess, "arch" | "features"> {
  /** The directory of the container's first process, from /proc on: held open by the application, so that it cannot become another process's. */
  readonly target: string;
  readonly pid: number;
  /** Without privileges the container's user namespace gives them, and the host's network is out of reach. */
  readonly userFirst: boolean;
  readonly steps: readonly LiveStep[];
  /** Where the container's networks are, when they are an ordinary user's: there it has the rights of root, and what is the host to root is that place. */
  readonly holder?: HolderPlace | undefined;
  /** An empty directory of the host's that something may be mounted over, where nobody else sees it. */
  readonly scratch: string;
  /** When a step fails, and of what is kept when the container has ended: each, whatever became of those before. */
  readonly tearDown: readonly MemberStep[];
  /** A directory that is made: somebody stays to undo the change when the container has ended, or when somebody writes to the FIFO "stop" in it. */
  readonly keep?: string;
  /** What whoever lists containers is to know of it. */
  readonly note?: Uint8Array;
}

/** Files of what is kept. */
export const KEEPER_FILE = { STOP: "stop", STAT: "keeper", NOTE: "networks" } as const;

/** All steps are done, or none: what fails is undone by the epilogue, also when the application is gone by then. */
export function compileNetChange(change: NetChange): Program {
  const program = new ProgramBuilder(change.arch);
  const block = program.block("change").at("nics");
  const proc = openProcfs(block, change);
  const worker = enterNetwork(program, block, proc, change);
  const [begun, stands] = [flag(program), flag(program)];
  for (const { member, step } of change.steps) takeHeld(block.at(member), { member, step });
  const keeper = change.keep === undefined ? undefined : openKeeper(block.at("nics"), change.keep, change, proc);
  begun.set(block);
  if (change.keep !== undefined && change.note) {
    const path = `${change.keep}/${KEEPER_FILE.NOTE}`;
    putBytes(block, { do: "put", path, at: 0, content: change.note, create: 0o600, why: "tell who lists containers" });
  }
  carry(worker, change);
  const undone = doUndoable(worker, change.steps);
  if (!keeper) stands.set(block);
  block.at("nics");
  undoLater({ program, proc, change, begun, stands, undone });
  if (!keeper) return program.finish();
  goTo(worker, "host");
  closeOpened(worker);
  leaveApplication(block);
  block.notify(NOTICE.STARTED, [0]);
  awaitEnd(block, keeper);
  return program.finish();
}

interface Flag {
  set(block: BlockBuilder): void;
  get(block: BlockBuilder): Register;
}

function flag(program: ProgramBuilder): Flag {
  const slot = program.memory.zeroed(8);
  const register = program.register("flag");
  return {
    set: (block) => block.store(slot, 1, 8),
    get: (block) => {
      block.load(register, slot, 8);
      return register;
    },
  };
}

function enterNetwork(program: ProgramBuilder, block: BlockBuilder, proc: Register, change: NetChange): NetWorker {
  const { holder, target, arch } = change;
  const worker = netWorker(block, holder ? undefined : "host", { proc, resolved: change });
  const open = (at: Register, path: string, dst: Register) =>
    block.sys("openat", [at, block.str(path), O.RDONLY | O.CLOEXEC, 0], { dst });
  // In another user namespace the application's descriptors are out of reach.
  const directory = [proc, block.str(target), O.PATH | O.CLOEXEC | openFlags(arch).DIRECTORY, 0];
  const container = block.sysResult("target", "openat", directory);
  if (holder) enterHolder(block, proc, holder);
  else open(proc, "self/ns/net", worker.namespace.host);
  open(container, "ns/net", worker.namespace.container);
  if (!change.userFirst) return worker;
  const user = program.register("ns_user");
  block.sys("prctl", [PR.SET_DUMPABLE, 0, 0, 0, 0], { why: "be no target for the container" });
  open(container, "ns/user", user);
  block.sys("setns", [user, CLONE.NEWUSER], { why: "join the user namespace", tolerate: [E.EINVAL] });
  goTo(worker, "container");
  return worker;
}

/** Programs that listen on the host are started from there: before it goes to the networks. They end with whoever stays. */
function carry(
  { block, program, proc, namespace }: NetWorker,
  { target, scratch, steps, ...resolved }: NetChange,
): void {
  for (const { member, step } of steps) {
    if (step.do !== "process") continue;
    const user = [program.register("target"), block.at(member).str("ns/user"), O.RDONLY | O.CLOEXEC, 0];
    const owner = block.sysResult("ns_owner", "openat", user);
    startNetProcess({ program, monitor: block, proc, resolved }, step, {
      network: namespace.container,
      owner,
      scratch,
    });
    block.sys("close", [owner]);
  }
}

interface Undone {
  readonly member: string;
  readonly steps: readonly NetStep[];
  readonly done: Flag;
}

/** What can be undone is done alone, so that it is known whether it was; the rest in as few pieces as possible. */
function doUndoable(worker: NetWorker, steps: readonly LiveStep[]): readonly Undone[] {
  const undone: Undone[] = [];
  let others: LiveStep[] = [];
  const flush = () => {
    doSteps(worker, others);
    others = [];
  };
  for (const one of steps) {
    if (!one.undo) {
      others.push(one);
      continue;
    }
    flush();
    doSteps(worker, [one]);
    const done = flag(worker.program);
    done.set(worker.block);
    undone.push({ member: one.member, steps: one.undo, done });
  }
  flush();
  return undone;
}

interface Undoing {
  readonly program: ProgramBuilder;
  readonly proc: Register;
  readonly change: NetChange;
  readonly begun: Flag;
  readonly stands: Flag;
  readonly undone: readonly Undone[];
}

function undoLater({ program, proc, change, begun, stands, undone }: Undoing): void {
  const epilogue = program.epilogue().at("nics");
  const nothing = epilogue.label();
  epilogue.jumpUnless(begun.get(epilogue), 1, nothing);
  epilogue.jumpIf(stands.get(epilogue), 1, nothing);
  const failed = epilogue.label();
  const place = change.userFirst ? "container" : "host";
  const act = (one: MemberStep) => {
    // It may have failed anywhere, in either namespace.
    const worker = netWorker(epilogue, "container", { proc, resolved: change, failed });
    goTo(worker, place);
    doSteps(worker, [one]);
    goTo(worker, place);
    closeOpened(worker);
  };
  for (const one of change.tearDown) act(one);
  for (const { member, steps, done } of [...undone].reverse()) {
    const next = epilogue.label();
    epilogue.jumpUnless(done.get(epilogue), 1, next);
    for (const step of steps) act({ member, step });
    epilogue.place(next);
  }
  epilogue.place(failed);
  if (change.keep !== undefined) removeKeeper(epilogue.at("nics"), change.keep, change.note !== undefined);
  epilogue.place(nothing);
}

interface Keeper {
  readonly stop: Register;
  readonly pidfd: Register;
}

/** Who stays has a directory, by which it is found. It is made when the container was seen to be there. */
function openKeeper(block: BlockBuilder, directory: string, change: NetChange, proc: Register): Keeper {
  const pidfd = openContainer(block, change.pid);
  const { program } = block;
  const why = "remember who takes it away again";
  const parent = directory.slice(0, directory.lastIndexOf("/"));
  block.sys("mkdirat", [AT.FDCWD, block.str(parent), 0o700], { tolerate: [E.EEXIST], why });
  block.sys("mkdirat", [AT.FDCWD, block.str(directory), 0o700], { why });
  const fifo = block.str(`${directory}/${KEEPER_FILE.STOP}`);
  block.sys("mknodat", [AT.FDCWD, fifo, S.IFIFO | 0o600, 0], { why });
  // Open for reading and writing it never ends. (No other step uses registers of these names.)
  const stop = block.sysResult("keeper_stop", "openat", [AT.FDCWD, fifo, O.RDWR | O.CLOEXEC, 0], { why });
  const flags = O.WRONLY | O.CREAT | O.EXCL | O.CLOEXEC;
  const path = block.str(`${directory}/${KEEPER_FILE.STAT}`);
  const file = block.sysResult("file", "openat", [AT.FDCWD, path, flags, 0o600], { why });
  const buffer = program.memory.zeroed(1024);
  const stat = block.sysResult("stat", "openat", [proc, block.str("self/stat"), O.RDONLY | O.CLOEXEC, 0]);
  const length = block.sysResult("length", "read", [stat, buffer, 1024]);
  block.sys("write", [file, buffer, length], { why });
  for (const descriptor of [stat, file]) block.sys("close", [descriptor]);
  return { stop, pidfd };
}

function openContainer(block: BlockBuilder, pid: number): Register {
  const target = block.program.register("target");
  const pidfd = block.sysResult("keeper_pidfd", "pidfd_open", [pid, 0], { why: "see when the container has ended" });
  // The pid was its own until now if it can still be asked.
  const stat = block.sysResult("stat", "openat", [target, block.str("stat"), O.RDONLY | O.CLOEXEC, 0]);
  block.sys("read", [stat, block.memory.zeroed(8), 8], { why: "see that the container has not ended" });
  block.sys("close", [stat]);
  return pidfd;
}

function removeKeeper(epilogue: BlockBuilder, directory: string, noted: boolean): void {
  const remove = (path: string, flags = 0) =>
    epilogue.sys("unlinkat", [AT.FDCWD, epilogue.str(path), flags], { tolerate: [E.ENOENT] });
  const { STOP, STAT, NOTE } = KEEPER_FILE;
  for (const name of noted ? [STOP, STAT, NOTE] : [STOP, STAT]) remove(`${directory}/${name}`);
  remove(directory, AT.REMOVEDIR);
}

/** Whoever stays has nothing of the application's: neither its terminal, its streams, nor its working directory. */
function leaveApplication(block: BlockBuilder): void {
  block.sys("setsid", [], { tolerate: [E.EPERM] });
  block.sys("chdir", [block.str("/")]);
  const none = block.sysResult("null", "openat", [AT.FDCWD, block.str("/dev/null"), O.RDWR | O.CLOEXEC, 0]);
  for (const number of [0, 1, 2]) block.sys("dup3", [none, number, 0]);
  block.sys("close", [none]);
}

const POLLIN = 1;

/** struct pollfd: s32 descriptor, s16 events, s16 what has happened */
function awaitEnd(block: BlockBuilder, { stop, pidfd }: Keeper): void {
  const poll = block.memory.bytes(Uint8Array.of(0, 0, 0, 0, POLLIN, 0, 0, 0, 0, 0, 0, 0, POLLIN, 0, 0, 0));
  block.store(poll, pidfd, 4);
  block.store(block.memory.at(poll, 8), stop, 4);
  block.sys("ppoll", [poll, 2, 0, 0, 8], { why: "wait until the container has ended" });
}
