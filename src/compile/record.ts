import { AT, E, O, openFlags, PR, S } from "../linux/index.ts";
import { type Arg, type BlockBuilder, type DataRef, LIMIT, type Register } from "../program/index.ts";
import type { MemoryEvents } from "./cgroup.ts";
import type { Context, ProcessContext } from "./context.ts";
import { keptStreams } from "./net-held.ts";
import { HEALTH_FILE, HOOKS_DONE, RECORD_FILE } from "./record-files.ts";
import type { Resolved } from "./resolved.ts";

/** How a container is kept in a directory where other processes find it. */
export interface RecordPlan {
  /** Absolute path; it exists when the program runs. */
  readonly directory: string;
  /** The container goes on when its application has ended. */
  readonly outlives: boolean;
  /** The directory goes with the container. */
  readonly autoRemove: boolean;
  /** Init waits before its command until it is started. */
  readonly held: boolean;
  /** Bytes after which a new log file is begun. */
  readonly logSize: number;
  readonly restart: { readonly onFailure: boolean; readonly most: number } | undefined;
}

const STAT_SIZE = 1024;
/** A number of 64 bits. */
const RESTARTS_SIZE = 8;
const descriptor = (c: Context) => c.program.register("record");

/** The first thing that happens: everything that is written later is written by this descriptor, since the directory may be renamed. */
export function openRecord(c: Context): void {
  const { record, arch } = c.resolved;
  if (!record) return;
  const { monitor } = c;
  const flags = O.PATH | O.CLOEXEC | openFlags(arch).DIRECTORY;
  monitor.at("name").sys("openat", [AT.FDCWD, monitor.str(record.directory), flags, 0], { dst: descriptor(c) });
  if (record.held) makeFifo(c, RECORD_FILE.START);
  if (c.resolved.stdin === "fifo") makeFifo(c, RECORD_FILE.INPUT);
}

function makeFifo(c: Context, name: string): void {
  const { monitor } = c;
  monitor.sys("mknodat", [descriptor(c), monitor.str(name), S.IFIFO | 0o600, 0], { tolerate: [E.EEXIST] });
  // Open for reading and writing it neither blocks nor ever ends.
  monitor.sys("openat", [descriptor(c), monitor.str(name), O.RDWR | O.CLOEXEC, 0], { dst: c.program.register(name) });
}

/** Where the monitor counts how often the container was started again: memory is what stays from one run to the next. */
export const countRestarts = (c: Context): DataRef | undefined =>
  c.resolved.record && c.program.memory.zeroed(RESTARTS_SIZE);

/** Who init and its monitor are, and which run this is, in a file that is there whole or not at all. */
export function writeState(c: Context, pid: Register, restarts: DataRef | undefined): void {
  if (!restarts) return;
  const { monitor } = c;
  monitor.at("name");
  const path = monitor.memory.bytes(new TextEncoder().encode(`.${"/".repeat(13)}stat\0`), 1);
  monitor.decimal(monitor.memory.at(path, 1), pid, 12, "/");
  writeWhole(c, monitor, RECORD_FILE.STATE, (file) => {
    copyStat(c, path, file);
    copyStat(c, monitor.str("self/stat"), file);
    writeCount(c, restarts, file);
  });
}

/** The line "restarts N". */
function writeCount({ monitor, program }: Context, restarts: DataRef, to: Register): void {
  const [label, width] = ["restarts ", 12];
  const line = monitor.memory.bytes(new TextEncoder().encode(`${label}${" ".repeat(width)}\n`), 1);
  const count = program.register("count");
  monitor.load(count, restarts, 8);
  monitor.decimal(monitor.memory.at(line, label.length), count, width, " ");
  monitor.sys("write", [to, line, label.length + width + 1]);
}

function copyStat(c: Context, path: DataRef, to: Register): void {
  const { monitor } = c;
  const buffer = monitor.memory.zeroed(STAT_SIZE);
  const stat = monitor.sysResult("stat", "openat", [c.proc, path, O.RDONLY | O.CLOEXEC, 0]);
  const length = monitor.sysResult("length", "read", [stat, buffer, STAT_SIZE]);
  monitor.sys("close", [stat]);
  monitor.sys("write", [to, buffer, length]);
}

/** Under another name first, so that nobody ever reads a half of it (rename(2)). */
function writeWhole(c: Context, block: BlockBuilder, name: string, write: (file: Register) => void): void {
  const record = descriptor(c);
  const flags = O.WRONLY | O.CREAT | O.CLOEXEC;
  const file = block.sysResult("file", "openat", [record, block.str(`${name}.new`), flags, 0o600], {
    why: `write ${name}`,
  });
  write(file);
  block.sys("close", [file]);
  block.sys("renameat", [record, block.str(`${name}.new`), record, block.str(name)]);
}

/**
 * Where the report of the end goes in memory. Comes first in the epilogue: what happened is durable before anything is cleaned up. Of a container that removes
 * itself it is written too: other processes that wait for it have the file open.
 */
export function writeExit(
  c: Context,
  events: MemoryEvents | undefined,
  restarts: DataRef | undefined,
): DataRef | undefined {
  const { record } = c.resolved;
  if (!restarts || !record || c.resolved.orphan) return undefined;
  const report = c.program.memory.zeroed(LIMIT.EXIT_REPORT);
  const write = (block: BlockBuilder, file: Register) => {
    block.sys("write", [file, report, LIMIT.EXIT_REPORT]);
    block.sys("write", [file, restarts, RESTARTS_SIZE]);
    if (events) block.sys("write", [file, events.buffer, events.size]);
  };
  // Now that there is room, so that a disk which is full by then takes nothing away.
  const flags = O.WRONLY | O.CREAT | O.CLOEXEC;
  const name = c.monitor.str(`${RECORD_FILE.EXIT}.new`);
  const file = c.monitor.sysResult("file", "openat", [descriptor(c), name, flags, 0o600], {
    why: "make room for exit",
  });
  write(c.monitor, file);
  c.monitor.sys("close", [file]);
  const epilogue = c.program.epilogue().at("name");
  const nothing = epilogue.label();
  epilogue.jumpIf(descriptor(c), 0, nothing);
  writeWhole(c, epilogue, RECORD_FILE.EXIT, (opened) => {
    write(epilogue, opened);
    // Where it is removed at once, it is only for those who have opened it before.
    if (!record.autoRemove) epilogue.sys("fsync", [opened]);
  });
  epilogue.place(nothing);
  return report;
}

/** The last of the epilogue: the record goes, or the container comes again. */
export function endRecord(c: Context, restarts: DataRef | undefined): void {
  const { record } = c.resolved;
  if (!record || !restarts) return;
  const epilogue = c.program.epilogue().at("name");
  const nothing = epilogue.label();
  epilogue.jumpIf(descriptor(c), 0, nothing);
  if (record.autoRemove) removeRecord(c);
  if (record.restart) {
    const count = c.program.register("count");
    epilogue.at("restart").restart(descriptor(c), record.restart.most, record.restart.onFailure, count);
    epilogue.store(restarts, count, RESTARTS_SIZE);
  }
  epilogue.place(nothing);
}

/** The directory may have another name by now: the kernel knows it. */
function removeRecord(c: Context): void {
  const epilogue = c.program.epilogue();
  const record = descriptor(c);
  for (const name of [...Object.values(RECORD_FILE), `${RECORD_FILE.STATE}.new`, `${RECORD_FILE.EXIT}.new`]) {
    epilogue.sys("unlinkat", [record, epilogue.str(name), 0], { tolerate: [E.ENOENT] });
  }
  const link = epilogue.memory.bytes(new TextEncoder().encode(`self/fd/${"\0".repeat(12)}`), 1);
  epilogue.decimal(epilogue.memory.at(link, 8), record, 11);
  const path = epilogue.memory.zeroed(4096);
  epilogue.sys("readlinkat", [c.proc, link, path, 4095]);
  const remove = { tolerate: [E.ENOENT], why: "remove the record" };
  if (c.resolved.spec.healthcheck === undefined) epilogue.sys("unlinkat", [AT.FDCWD, path, AT.REMOVEDIR], remove);
  else removeWithHealth(c, path, remove);
}

/** Whoever has just made a check may come in between with its result: then the directory is not empty, and the same is done once more. */
function removeWithHealth(
  c: Context,
  path: DataRef,
  remove: { readonly tolerate: readonly number[]; readonly why: string },
) {
  const epilogue = c.program.epilogue();
  const [again, done] = [epilogue.label(), epilogue.label()];
  unlinkHealth(c);
  epilogue.sys("unlinkat", [AT.FDCWD, path, AT.REMOVEDIR], { ...remove, jump: { on: [E.ENOTEMPTY], to: again } });
  epilogue.jump(done);
  epilogue.place(again);
  unlinkHealth(c);
  epilogue.sys("unlinkat", [AT.FDCWD, path, AT.REMOVEDIR], remove);
  epilogue.place(done);
}

/** The fresh one first, as it takes the other's name. */
function unlinkHealth(c: Context): void {
  const epilogue = c.program.epilogue();
  for (const name of [HEALTH_FILE.FRESH, HEALTH_FILE.REPORT, RECORD_FILE.LOCK]) {
    epilogue.sys("unlinkat", [descriptor(c), epilogue.str(name), 0], { tolerate: [E.ENOENT] });
  }
}

/** Init has a copy of the monitor's descriptor. */
export function closeRecord(c: Context): void {
  if (c.resolved.record) c.init.at("name").sys("close", [descriptor(c)]);
}

/**
 * Init says that it is ready, and waits before its command until somebody writes a byte. It may have company meanwhile, in a shared pid namespace or by exec,
 * that may look at it: so it has nothing but its streams and the FIFO, and unless the application waits to be told of a failure not even the control socket.
 */
export function holdBeforeCommand(c: Context): void {
  const { record, orphan } = c.resolved;
  if (!record?.held) return;
  const { init } = c;
  const byte = init.memory.zeroed(8);
  letLiveOn(c);
  for (const fd of orphan ? [LIMIT.CONTROL_FD, LIMIT.COMMAND_FD] : [LIMIT.COMMAND_FD])
    init.at("process").sys("close", [fd]);
  init.at("process").sys("sendto", [c.sync.child, byte, 1, 0, 0, 0]);
  init.sys("close", [c.sync.child]);
  // Now that there is nothing to be had, engines that are no root may find its namespaces.
  if (orphan) init.sys("prctl", [PR.SET_DUMPABLE, 1, 0, 0, 0], { tolerate: "any" });
  init.sys("read", [c.program.register(RECORD_FILE.START), byte, 1], { why: "wait to be started" });
}

/** Nobody else would tell: the monitor of a container that is left to others is gone by then. */
export function tellOfHooks(c: Context): void {
  const { record, orphan, spec } = c.resolved;
  if (!record?.held || !orphan || !spec.hooks?.startContainer?.length) return;
  c.init.at("hooks.startContainer").sys("write", [c.program.register(RECORD_FILE.START), c.init.str(HOOKS_DONE), 1]);
}

/** Nobody is there any more whose death would be its own (PR_SET_PDEATHSIG of prctl(2)). */
export function letLiveOn(c: ProcessContext): void {
  if (!c.resolved.orphan) return;
  c.init.at("lifetime").sys("prctl", [PR.SET_PDEATHSIG, 0, 0, 0, 0]);
}

/** The monitor goes when the application says that all is well; it goes without an end of its program, which would be the end of what it has started. */
export function leaveOrphan(c: ProcessContext): void {
  if (!c.resolved.orphan) return;
  const { monitor, program } = c;
  monitor.at("lifetime").await(program.memory.zeroed(8), 8, program.register("length"));
  monitor.sys("exit_group", [0]);
}

/** Nothing of the application's may be kept: neither its terminal, its streams, nor its working directory. */
export function leaveApplication(c: Context): void {
  if (!c.resolved.record?.outlives) return;
  const { monitor } = c;
  monitor.at("lifetime").sys("setsid", [], { tolerate: [E.EPERM] });
  monitor.sys("chdir", [monitor.str("/")]);
  const none = monitor.sysResult("null", "openat", [AT.FDCWD, monitor.str("/dev/null"), O.RDWR | O.CLOEXEC, 0]);
  const kept = keptStreams(c);
  const streams = [0, 1, 2].filter((number) => !kept.includes(number));
  for (const number of streams) monitor.sys("dup3", [none, number, 0]);
  monitor.sys("close", [none]);
}

/** The output that the log gets: of the pipes, or of the terminal, which SUPERVISE knows. */
export function logOutput(c: Context, output: Arg, errors: Arg): void {
  if (!isLogged(c.resolved)) return;
  c.monitor.at("log").log(descriptor(c), c.resolved.record?.logSize ?? 0, output, errors);
}

const isLogged = (r: Resolved): boolean => r.stdout === "log" || r.stderr === "log";
