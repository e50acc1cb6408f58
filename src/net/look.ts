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
  NLM_F,
  NLMSG,
  O,
  PR,
  SOCK,
} from "../linux/index.ts";
import { type BlockBuilder, encodeProgram, ProgramBuilder, type Register } from "../program/index.ts";

/** A dump comes in pieces of at most this; netlink(7) recommends 8 KiB, the kernel gives up to 32. */
const PIECE = 32768;
const MOST_PIECES = 256;

/** Questions to the kernel. */
export interface Questions {
  /** Messages that have one answer. */
  readonly single?: readonly Uint8Array[];
  /** Messages that are answered by a dump. */
  readonly dumps: readonly Uint8Array[];
  /** A network namespace other than the application's, and the user namespace that gives the right to go there, by their paths. */
  readonly network?: string | undefined;
  readonly user?: string | undefined;
}

/** The answers. Without a path they are those of the executor's network namespace, which is the application's. `member` is the one to blame. */
export async function askKernel(
  runner: ProgramRunner,
  questions: Questions,
  member: string,
): Promise<readonly NetlinkMessage[]> {
  const program = new ProgramBuilder(hostArch());
  const block = program.block("ask").at(member);
  enter(block, questions);
  const socket = block.sysResult("socket", "socket", [AF.NETLINK, SOCK.RAW | SOCK.CLOEXEC, NETLINK_ROUTE]);
  const length = program.register("length");
  const buffer = block.memory.zeroed(PIECE);
  for (const message of questions.single ?? []) {
    sendTo(block, socket, message);
    block.sys("recvfrom", [socket, buffer, PIECE, MSG.DONTWAIT, 0, 0], { dst: length });
    block.send(0, buffer, length);
  }
  for (const message of questions.dumps) {
    sendTo(block, socket, message);
    const done = block.label();
    for (let piece = 0; piece < MOST_PIECES; piece++) {
      const jump = { on: [E.EAGAIN], to: done };
      block.sys("recvfrom", [socket, buffer, PIECE, MSG.DONTWAIT, 0, 0], { dst: length, jump });
      block.send(0, buffer, length);
    }
    block.place(done);
  }
  const messages = await collectWhole(runner, encodeProgram(program.finish()), member);
  if (messages.filter(({ type }) => type === NLMSG.DONE).length === questions.dumps.length) return messages;
  const hint = "there are more of them than any machine should have";
  throw new LibctError("ERR_CT_SYSCALL", "the network is not known as a whole", { member, hint });
}

const CLONE_FLAG = { user: CLONE.NEWUSER, network: CLONE.NEWNET } as const;

/** All is opened first: who has joined a user namespace may not look at processes outside of it. */
function enter(block: BlockBuilder, paths: Pick<Questions, "user" | "network">): void {
  const files = (["user", "network"] as const).flatMap((type) => {
    const path = paths[type];
    if (path === undefined) return [];
    return [
      { type, file: block.sysResult(`ns_${type}`, "openat", [AT.FDCWD, block.str(path), O.RDONLY | O.CLOEXEC, 0]) },
    ];
  });
  if (paths.user !== undefined)
    block.sys("prctl", [PR.SET_DUMPABLE, 0, 0, 0, 0], { why: "be no target for who is there" });
  for (const { type, file } of files) block.sys("setns", [file, CLONE_FLAG[type]]);
}

function sendTo(block: BlockBuilder, socket: Register, message: Uint8Array): void {
  block.sys("sendto", [socket, block.memory.bytes(message), message.length, 0, 0, 0]);
}

/** How often it is asked again when something has changed while it was told. */
const MOST_ATTEMPTS = 8;

/** Who changes it all the time is told of as well as can be. */
async function collectWhole(
  runner: ProgramRunner,
  program: Uint8Array,
  member: string,
): Promise<readonly NetlinkMessage[]> {
  for (let attempt = 1; ; attempt++) {
    const messages = (await collect(runner, program, member)).flatMap(decodeMessages);
    const changed = messages.some(({ flags }) => (flags & NLM_F.DUMP_INTR) !== 0);
    if (!changed || attempt === MOST_ATTEMPTS) return messages;
  }
}

function collect(runner: ProgramRunner, program: Uint8Array, member: string): Promise<readonly Uint8Array[]> {
  return new Promise((resolve, reject) => {
    const pieces: Uint8Array[] = [];
    let failed: LibctError | undefined;
    runner.run(program, {
      data: (_, bytes) => {
        pieces.push(bytes.slice());
      },
      fail: ({ errno }) => {
        const name = errnoName(errno);
        const details = { errno: name, member };
        failed = new LibctError("ERR_CT_SYSCALL", `the network cannot be looked at: ${name}`, details);
      },
      done: (error) => {
        const reason = failed ?? error;
        if (reason) reject(reason);
        else resolve(pieces);
      },
    });
  });
}
