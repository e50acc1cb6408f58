import { AT, E, MSG, O, SCM_RIGHTS, SOL_SOCKET, TIOC, u16s, u32s, u64s } from "../linux/index.ts";
import type { BlockBuilder, DataRef, Label, Register } from "../program/index.ts";
import type { ProcessContext } from "./context.ts";
import type { Identity } from "./identity.ts";
import { RECORD_FILE } from "./record-files.ts";
import type { Pipes } from "./stdio.ts";
import { connectTo } from "./unix-socket.ts";

/** Opens a pseudo-terminal in the container, makes it the process's controlling terminal and its streams, and sends the master to the monitor. */
export function openTerminal(
  c: ProcessContext,
  identity: Identity | undefined,
  whenOpen: (slave: Register) => void = () => undefined,
): void {
  const { init, resolved: r } = c;
  if (!r.process.terminal) return;
  init.at("process.terminal");
  const mode = O.RDWR | O.NOCTTY | O.NONBLOCK | O.CLOEXEC;
  const master = init.sysResult("master", "openat", [AT.FDCWD, init.str("/dev/ptmx"), mode, 0]);
  expectTerminalMaster(init, master);
  init.sys("ioctl", [master, TIOC.SPTLCK, init.memory.zeroed(4)], { why: "unlock the terminal" });
  const slave = init.sysResult("slave", "ioctl", [master, TIOC.GPTPEER, O.RDWR | O.NOCTTY], {
    why: "open the terminal",
  });
  const { height, width } = r.process.consoleSize ?? { height: 0, width: 0 };
  if (height && width) {
    const size = init.memory.bytes(u16s(height, width, 0, 0));
    init.at("process.consoleSize").sys("ioctl", [slave, TIOC.SWINSZ, size]);
  }
  init.at("process.terminal");
  if (identity) init.sys("fchown", [slave, identity.uid, -1], { tolerate: "any" });
  whenOpen(slave);
  init.at("process.terminal").sys("ioctl", [slave, TIOC.SCTTY, 0], { why: "make it the controlling terminal" });
  for (const number of [0, 1, 2]) init.sys("dup3", [slave, number, 0]);
  init.sys("close", [slave]);
  sendDescriptor(init, c.sync.child, master);
  init.sys("close", [master]);
}

/** The container may have anything under that name (CVE-2025-52565); a terminal's master is device 5:2 wherever it is found (pty(7)). */
function expectTerminalMaster(init: BlockBuilder, master: Register): void {
  const seen = init.memory.zeroed(256);
  const value = init.program.register("seen");
  init.sys("statx", [master, init.str(""), AT.EMPTY_PATH, STATX_TYPE, seen], { why: "look at /dev/ptmx" });
  // struct statx: stx_rdev_major at 128, stx_rdev_minor at 132.
  for (const [offset, wanted] of [
    [128, 5],
    [132, 2],
  ] as const) {
    init.load(value, init.memory.at(seen, offset), 4);
    init.expect(value, wanted, E.ENOTTY, "/dev/ptmx of the container is no terminal");
  }
}

const STATX_TYPE = 1;
/** fcntl(2) */
const F_SETFL = 4;

/** struct msghdr with data (one byte, unless it is given) and room for one descriptor (unix(7), SCM_RIGHTS). */
export function descriptorMessage(
  block: BlockBuilder,
  type: number,
  { data, length } = { data: block.memory.bytes(new Uint8Array(8)), length: 1 },
): { header: DataRef; descriptor: DataRef } {
  const { memory } = block;
  const vector = memory.bytes(u64s(0, length));
  memory.pointer(vector, 0, data);
  const control = memory.bytes(new Uint8Array(24));
  memory.data.set(u64s(20), control.offset);
  memory.data.set(u32s(SOL_SOCKET, type), control.offset + 8);
  const header = memory.bytes(u64s(0, 0, 0, 1, 0, 24, 0));
  memory.pointer(header, 16, vector);
  memory.pointer(header, 32, control);
  return { header, descriptor: memory.at(control, 16) };
}

function sendDescriptor(block: BlockBuilder, socket: Register, descriptor: Register): void {
  const message = descriptorMessage(block, SCM_RIGHTS);
  block.store(message.descriptor, descriptor, 4);
  block.sys("sendmsg", [socket, message.header, MSG.NOSIGNAL], { why: "hand over the terminal" });
}

/** The monitor's side: takes the master, and prepares the caller's own terminal for it. */
export function receiveTerminal(c: ProcessContext, ended: Label): Register | undefined {
  if (!c.resolved.process.terminal) return undefined;
  const { monitor } = c;
  monitor.at("process.terminal");
  const message = descriptorMessage(monitor, SCM_RIGHTS);
  const got = c.program.register("received");
  monitor.sys("recvmsg", [c.sync.monitor, message.header, MSG.CMSG_CLOEXEC], { dst: got, tolerate: [E.ECONNRESET] });
  monitor.jumpUnless(got, 1, ended);
  const master = c.program.register("terminal");
  monitor.load(master, message.descriptor, 4);
  if (c.resolved.consoleSocket !== undefined) {
    passToConsole(c, c.resolved.consoleSocket, master);
    return undefined;
  }
  if (c.resolved.stdin === "inherit") makeRaw(c);
  return master;
}

/** Whoever listens at the socket gets the terminal, with its name as the data: what engines expect of an OCI runtime's --console-socket. */
function passToConsole(c: ProcessContext, path: string, master: Register): void {
  const { monitor } = c;
  monitor.at("process.terminal");
  // It was opened without waiting, as it could have been anything; whoever gets it expects a terminal as posix_openpt(3) gives it.
  monitor.sys("fcntl", [master, F_SETFL, O.RDWR], { why: "let reads of the terminal wait" });
  sendTo(c, path, "console socket", master);
  monitor.sys("close", [master]);
}

/** As the console socket, for a descriptor of the process itself (pidfd_open(2)). */
export function passPidfd(c: ProcessContext, pid: Register): void {
  const { monitor, resolved: r } = c;
  if (r.pidfdSocket === undefined) return;
  const pidfd = monitor.at("process").sysResult("pidfd", "pidfd_open", [pid, 0]);
  sendTo(c, r.pidfdSocket, "pidfd socket", pidfd);
  monitor.sys("close", [pidfd]);
}

function sendTo(c: ProcessContext, path: string, what: string, descriptor: Register): void {
  const { monitor } = c;
  const socket = connectTo(c, path, `connect to the ${what} ${path}`);
  sendDescriptor(monitor, socket, descriptor);
  monitor.sys("close", [socket]);
}

/** cfmakeraw(3) with output as it is: what a terminal needs to pass every key on. The epilogue puts the old settings back, even when the caller was killed. */
function makeRaw(c: ProcessContext): void {
  const { monitor } = c;
  const epilogue = c.program.epilogue();
  const saved = monitor.memory.zeroed(64);
  const isTerminal = c.program.register("is_terminal");
  const skip = monitor.label();
  monitor.sys("ioctl", [0, TIOC.TCGETS, saved], { dst: isTerminal, jump: { on: [E.ENOTTY, E.EBADF], to: skip } });
  const raw = new Uint8Array(64);
  // c_iflag 0, c_oflag 0, c_cflag B38400|CS8|CREAD, c_lflag 0; then c_line and c_cc with VMIN = 1, VTIME = 0.
  raw.set(u32s(0, 0, 0o277, 0));
  raw[17 + 6] = 1;
  const done = c.program.register("raw");
  monitor.sys("ioctl", [0, TIOC.TCSETS, monitor.memory.bytes(raw)], { why: "make the caller's terminal raw" });
  monitor.load(done, monitor.memory.bytes(u32s(1, 0)), 4);
  monitor.place(skip);
  const nothing = epilogue.label();
  epilogue.at("process.terminal").jumpUnless(done, 1, nothing);
  epilogue.sys("ioctl", [0, TIOC.TCSETS, saved], { why: "restore the caller's terminal" });
  epilogue.place(nothing);
}

/** What the monitor relays between: the caller's streams or the application's pipes. */
export function terminalStreams(c: ProcessContext, pipes: Pipes, master: Register | undefined) {
  const { stdin, stdout } = c.resolved;
  return {
    master: master ?? -1,
    input: pipes.stdin?.container ?? inheritedInput(c, stdin),
    output: pipes.stdout?.container ?? (stdout === "inherit" ? 1 : -1),
  };
}

function inheritedInput(c: ProcessContext, stdin: ProcessContext["resolved"]["stdin"]): Register | number {
  if (stdin === "fifo") return c.program.register(RECORD_FILE.INPUT);
  return stdin === "inherit" ? 0 : -1;
}
