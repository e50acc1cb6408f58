import { AF, AT, O, SO, SOCK, SOL_SOCKET, text, u64s } from "../linux/index.ts";
import type { Register } from "../program/index.ts";
import type { ProcessContext } from "./context.ts";

/** Seconds that whoever listens may take before it reads: the monitor has more to do than to wait for it. */
const PATIENCE = 10;

/** What sockaddr_un has room for, with the NUL byte (unix(7)). */
const LONGEST_ADDRESS = 108;

/** The monitor connects to a Unix socket of the host, however long its path is. */
export function connectTo({ monitor }: ProcessContext, path: string, why = `connect to ${path}`): Register {
  const socket = monitor.sysResult("socket", "socket", [AF.UNIX, SOCK.STREAM | SOCK.CLOEXEC, 0]);
  const timeout = monitor.memory.bytes(u64s(PATIENCE, 0));
  monitor.sys("setsockopt", [socket, SOL_SOCKET, SO.SNDTIMEO, timeout, 16]);
  const name = text(`${path}\0`);
  if (name.length <= LONGEST_ADDRESS) {
    monitor.sys("connect", [socket, monitor.memory.bytes(address(name)), 2 + name.length], { why });
    return socket;
  }
  // A longer one is opened, and has a short name as a descriptor.
  const file = monitor.sysResult("file", "openat", [AT.FDCWD, monitor.str(path), O.PATH | O.CLOEXEC, 0], { why });
  const prefix = "/proc/self/fd/";
  const short = address(text(prefix.padEnd(prefix.length + FD_WIDTH + 1, "\0")));
  const place = monitor.memory.bytes(short);
  monitor.decimal(monitor.memory.at(place, 2 + prefix.length), file, FD_WIDTH);
  monitor.sys("connect", [socket, place, short.length], { why });
  monitor.sys("close", [file]);
  return socket;
}

const FD_WIDTH = 10;

/** struct sockaddr_un */
const address = (name: Uint8Array): Uint8Array => Uint8Array.of(AF.UNIX, 0, ...name);
