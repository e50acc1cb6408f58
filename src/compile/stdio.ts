import { AT, O } from "../linux/index.ts";
import type { BlockBuilder, Register } from "../program/index.ts";
import { NOTICE, type ProcessContext } from "./context.ts";
import type { Identity } from "./identity.ts";
import { RECORD_FILE } from "./record-files.ts";

const STREAMS = ["stdin", "stdout", "stderr"] as const;

/** The ends of a stream's pipe: the container's and the application's. */
interface Pipe {
  readonly container: Register;
  readonly application: Register;
}

export interface Pipes {
  readonly stdin: Pipe | undefined;
  readonly stdout: Pipe | undefined;
  readonly stderr: Pipe | undefined;
}

/** Makes the pipes and tells the application, which opens its ends through /proc/PID/fd. */
export function makePipes(c: ProcessContext): Pipes {
  const { monitor, resolved: r } = c;
  const make = (stream: (typeof STREAMS)[number]): Pipe | undefined => {
    const piped = r[stream] === "pipe" || (r[stream] === "log" && !r.process.terminal);
    if (!piped || (r.process.terminal && stream === "stderr")) return undefined;
    const pair = monitor.memory.zeroed(8);
    const read = c.program.register(`${stream}_read`);
    const write = c.program.register(`${stream}_write`);
    monitor.at("process").sys("pipe2", [pair, O.CLOEXEC]);
    monitor.load(read, pair, 4);
    monitor.load(write, monitor.memory.at(pair, 4), 4);
    return stream === "stdin" ? { container: read, application: write } : { container: write, application: read };
  };
  const pipes = { stdin: make("stdin"), stdout: make("stdout"), stderr: make("stderr") };
  if (STREAMS.some((stream) => isShared(c, pipes, stream))) {
    const pid = monitor.sysResult("monitor", "getpid", []);
    const ends = STREAMS.map((stream) => (isShared(c, pipes, stream) ? (pipes[stream]?.application ?? -1) : -1));
    monitor.notify(NOTICE.PIPES, [...ends, pid]);
  }
  return pipes;
}

/** Whether the pipe's other end is the application's; that of a logged stream is the monitor's. */
const isShared = (c: ProcessContext, pipes: Pipes, stream: (typeof STREAMS)[number]) =>
  pipes[stream] !== undefined && c.resolved[stream] === "pipe";

/** The monitor waits until the application has opened its ends, and gives up its own: so that their closing is seen on the other side. */
export function handOverPipes(c: ProcessContext, pipes: Pipes): void {
  const shared = STREAMS.filter((stream) => isShared(c, pipes, stream));
  if (shared.length === 0) return;
  const { monitor } = c;
  monitor.at("process");
  monitor.await(monitor.memory.zeroed(8), 8, c.program.register("length"));
  for (const stream of shared) {
    const pipe = pipes[stream];
    if (pipe) monitor.sys("close", [pipe.application]);
  }
}

/** The monitor keeps no end that the container uses, unless it relays a terminal through it. */
export function closeContainerEnds(c: ProcessContext, pipes: Pipes): void {
  if (c.resolved.process.terminal) return;
  for (const stream of STREAMS) {
    const pipe = pipes[stream];
    if (pipe) c.monitor.at("process").sys("close", [pipe.container]);
  }
}

/** The host's /dev/null for ignored streams, opened before the container's root is entered. */
export function openIgnored(block: BlockBuilder, c: ProcessContext): Register | undefined {
  const r = c.resolved;
  if (r.process.terminal || !STREAMS.some((stream) => r[stream] === "ignore")) return undefined;
  return block.at("process").sysResult("ignored", "openat", [AT.FDCWD, block.str("/dev/null"), O.RDWR | O.CLOEXEC, 0]);
}

/** A monitor that outlives its application lets go of what that has as its streams: others may wait for their end. */
export function leaveStreams(c: ProcessContext): void {
  const { monitor, resolved: r } = c;
  const left = STREAMS.filter((stream) => r[stream] !== "inherit");
  if (left.length === 0) return;
  const file = monitor.str("/dev/null");
  const nothing = monitor.at("process").sysResult("ignored", "openat", [AT.FDCWD, file, O.RDWR | O.CLOEXEC, 0]);
  for (const stream of left) monitor.sys("dup3", [nothing, STREAMS.indexOf(stream), 0]);
  monitor.sys("close", [nothing]);
}

/** Puts the streams on descriptors 0, 1 and 2; pipes are given to the process's user so that /dev/stdout can be opened. */
export function placeStreams(
  c: ProcessContext,
  pipes: Pipes,
  ignored: Register | undefined,
  identity: Identity | undefined,
): void {
  const { init, resolved: r } = c;
  if (r.process.terminal) return;
  init.at("process");
  STREAMS.forEach((stream, number) => {
    const pipe = pipes[stream];
    if (pipe) {
      if (identity) init.sys("fchown", [pipe.container, identity.uid, identity.gid], { tolerate: "any" });
      init.sys("dup3", [pipe.container, number, 0]);
    } else if (r[stream] === "fifo") {
      init.sys("dup3", [c.program.register(RECORD_FILE.INPUT), number, 0]);
    } else if (r[stream] === "ignore" && ignored) {
      init.sys("dup3", [ignored, number, 0]);
    }
  });
}
