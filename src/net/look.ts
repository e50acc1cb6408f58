import { LibctError } from "../errors.ts";
import { hostArch, type ProgramRunner } from "../executor/index.ts";
import {
  AF,
  AT,
  CLONE,
  decodeMessages,
  E,
  errnoName,
  MSG,
  NETLINK_ROUTE,
  type NetlinkMessage,
  NLMSG,
  O,
  SOCK,
} from "../linux/index.ts";
import { type BlockBuilder, encodeProgram, ProgramBuilder, type Register } from "../program/index.ts";

/** A dump comes in pieces of at most this; netlink(7) recommends 8 KiB, the kernel gives up to 32. */
const PIECE = 32768;
const MOST_PIECES = 32;

/** Questions to the kernel: messages that have one answer, and one that is answered by a dump. */
export interface Questions {
  readonly single: readonly Uint8Array[];
  readonly dump: Uint8Array;
  /** The path of the network namespace to ask about. Default: the executor's, which is the application's */
  readonly namespace?: string;
  /** That of the user namespace to join before, for who has no rights over the other one otherwise. */
  readonly userNamespace?: string | undefined;
}

/** The answers. `member` is the one to blame. */
export async function askKernel(
  runner: ProgramRunner,
  { single, dump, namespace, userNamespace }: Questions,
  member: string,
): Promise<readonly NetlinkMessage[]> {
  const program = new ProgramBuilder(hostArch());
  const block = program.block("ask").at(member);
  join(block, userNamespace, CLONE.NEWUSER);
  join(block, namespace, CLONE.NEWNET);
  const socket = block.sysResult("socket", "socket", [AF.NETLINK, SOCK.RAW | SOCK.CLOEXEC, NETLINK_ROUTE]);
  const length = program.register("length");
  const buffer = block.memory.zeroed(PIECE);
  for (const message of single) {
    sendTo(block, socket, message);
    block.sys("recvfrom", [socket, buffer, PIECE, 0, 0, 0], { dst: length });
    block.send(0, buffer, length);
  }
  sendTo(block, socket, dump);
  const done = block.label();
  for (let piece = 0; piece < MOST_PIECES; piece++) {
    const jump = { on: [E.EAGAIN], to: done };
    block.sys("recvfrom", [socket, buffer, PIECE, MSG.DONTWAIT, 0, 0], { dst: length, jump });
    block.send(0, buffer, length);
  }
  block.place(done);
  const messages = (await collect(runner, program, member)).flatMap(decodeMessages);
  if (messages.some(({ type }) => type === NLMSG.DONE)) return messages;
  const hint = "there are more addresses than any machine should have";
  throw new LibctError("ERR_CT_SYSCALL", "the addresses of the interfaces are not known", { member, hint });
}

function join(block: BlockBuilder, path: string | undefined, type: number): void {
  if (path === undefined) return;
  const file = block.sysResult("file", "openat", [AT.FDCWD, block.str(path), O.RDONLY | O.CLOEXEC, 0]);
  block.sys("setns", [file, type], { why: "look into the container's network" });
}

function sendTo(block: BlockBuilder, socket: Register, message: Uint8Array): void {
  block.sys("sendto", [socket, block.memory.bytes(message), message.length, 0, 0, 0]);
}

function collect(runner: ProgramRunner, program: ProgramBuilder, member: string): Promise<readonly Uint8Array[]> {
  return new Promise((resolve, reject) => {
    const pieces: Uint8Array[] = [];
    runner.run(encodeProgram(program.finish()), {
      data: (_, bytes) => {
        pieces.push(bytes.slice());
      },
      fail: ({ errno }) => {
        const name = errnoName(errno);
        const details = { errno: name, member };
        reject(new LibctError("ERR_CT_SYSCALL", `the host's interfaces cannot be asked for: ${name}`, details));
      },
      done: (error) => (error ? reject(error) : resolve(pieces)),
    });
  });
}
