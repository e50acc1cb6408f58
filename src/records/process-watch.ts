import { LibctError } from "../errors.ts";
import { hostArch, type ProgramRunner } from "../executor/index.ts";
import { AT, E, errnoName, O, u16s, u32s, u64s } from "../linux/index.ts";
import { type BlockBuilder, encodeProgram, LIMIT, ProgramBuilder, type Register } from "../program/index.ts";
import { isRunning, type ProcessIdentity, parseStat } from "./process-identity.ts";

const STAT_SIZE = 1024;
const [NO, YES] = [Uint8Array.of(0), Uint8Array.of(1)];

/**
 * Does something to a process through a descriptor of it: to this process, or to nobody. Its identity is checked after the descriptor was opened, so that
 * no other one that has the pid by then is meant (pidfd_open(2)). False: the process had ended.
 */
export function onProcess(
  runner: ProgramRunner,
  identity: ProcessIdentity,
  act: (block: BlockBuilder, pidfd: Register) => void,
): Promise<boolean> {
  const program = new ProgramBuilder(hostArch());
  const block = program.block("monitor");
  const [gone, done] = [block.label(), block.label()];
  const path = block.str(`/proc/${identity.pid}/stat`);
  const stat = block.sysResult("stat", "openat", [AT.FDCWD, path, O.RDONLY | O.CLOEXEC, 0], {
    jump: { on: [E.ENOENT, E.ESRCH], to: gone },
  });
  const pidfd = block.sysResult("pidfd", "pidfd_open", [identity.pid, 0], {
    jump: { on: [E.ESRCH, E.EINVAL], to: gone },
    tolerate: [E.ENOSYS],
  });
  const buffer = block.memory.zeroed(STAT_SIZE);
  const length = block.sysResult("length", "read", [stat, buffer, STAT_SIZE], {
    jump: { on: [E.ESRCH], to: gone },
  });
  block.send(1, buffer, length);
  const answer = block.memory.zeroed(8);
  block.await(answer, 8, length);
  block.load(length, answer, 1);
  block.jumpUnless(length, 1, gone);
  act(block, pidfd);
  block.notify(1, []);
  block.jump(done);
  block.place(gone);
  block.notify(2, []);
  block.place(done);
  return run(runner, program, identity);
}

function run(runner: ProgramRunner, program: ProgramBuilder, identity: ProcessIdentity): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let reached = false;
    let failure: LibctError | undefined;
    const running = runner.run(encodeProgram(program.finish()), {
      data: (_code, bytes) => {
        const same = parseStat(Buffer.from(bytes).toString("latin1")).startTime === identity.startTime;
        running.go(same ? YES : NO);
      },
      notify: (code) => {
        reached = code === 1;
      },
      fail: ({ errno }) => {
        // It ended between the check and the deed.
        if (errno === E.ESRCH) return;
        const errnoText = errnoName(errno);
        failure ??= new LibctError("ERR_CT_SYSCALL", `process ${identity.pid} cannot be reached: ${errnoText}`, {
          errno: errnoText,
          hint: errno === E.EPERM ? "it belongs to another user" : undefined,
        });
      },
      done: (error) => {
        if (failure ?? error) reject(failure ?? error);
        else resolve(reached);
      },
    });
  });
}

/** Resolves when the process has ended; rejects when the Host is closed before. */
export async function whenEnded(runner: ProgramRunner, identity: ProcessIdentity): Promise<void> {
  while (isRunning(identity)) await onProcess(runner, identity, waitForEnd);
}

/** The wait ends with the application, too: by the descriptor that its words come through. */
function waitForEnd(block: BlockBuilder, pidfd: Register): void {
  const [slow, end] = [block.label(), block.label()];
  const [command, own] = [pollEntry(LIMIT.COMMAND_FD), pollEntry(-1)];
  const entries = block.memory.bytes(Uint8Array.of(...own, ...command));
  block.jumpIf(pidfd, -E.ENOSYS, slow);
  block.store(entries, pidfd, 4);
  block.sys("ppoll", [entries, 2, 0, 0, 8]);
  block.jump(end);
  // Kernels before 5.3 have no descriptors of processes: the caller looks again, ten times a second.
  block.place(slow);
  block.sys("ppoll", [entries, 2, block.memory.bytes(u64s(0, 100_000_000)), 0, 8]);
  block.place(end);
}

/** struct pollfd, for POLLIN (poll(2)) */
const pollEntry = (fd: number) => Uint8Array.of(...u32s(fd), ...u16s(1, 0));

/** Sends a signal to this very process. False: it has ended. */
export function signalProcess(runner: ProgramRunner, identity: ProcessIdentity, signal: number): Promise<boolean> {
  return onProcess(runner, identity, (block, pidfd) => {
    const [plain, end] = [block.label(), block.label()];
    // Not there before Linux 5.1, and without a descriptor there is nothing to give it.
    const jump = { on: [E.ENOSYS, E.EBADF], to: plain };
    block.sys("pidfd_send_signal", [pidfd, signal, 0, 0], { jump });
    block.jump(end);
    block.place(plain);
    block.sys("kill", [identity.pid, signal]);
    block.place(end);
  });
}
