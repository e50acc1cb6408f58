import { LibctError } from "../errors.ts";
import { AT, errnoName, O } from "../linux/index.ts";
import { encodeProgram, ProgramBuilder } from "../program/index.ts";
import { hostArch } from "./locate.ts";
import type { ProgramRunner } from "./try-child.ts";

/** flock(2) */
const LOCK = { SH: 1, EX: 2, NB: 4 } as const;

export interface LockOptions {
  /** Several may hold it, but nobody who wants it alone. */
  readonly shared?: boolean;
  /** False: ERR_CT_STATE with the errno EAGAIN when somebody else has it. Default: true */
  readonly wait?: boolean;
  /** Gives up waiting. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Does something while nobody else holds the lock on a file. The lock is that of a process of the executor, so it ends with this application however
 * that ends (flock(2)).
 */
export function lock<T>(
  runner: ProgramRunner,
  file: string,
  action: () => Promise<T>,
  { shared = false, wait = true, signal }: LockOptions = {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    let result: Promise<T> | undefined;
    let failure: LibctError | undefined;
    const aborted = () => reject(new LibctError("ERR_CT_ABORTED", `aborted while waiting for the lock on ${file}`));
    signal?.addEventListener("abort", aborted, { once: true });
    const running = runner.run(lockProgram(file, (shared ? LOCK.SH : LOCK.EX) | (wait ? 0 : LOCK.NB)), {
      notify: () => {
        signal?.removeEventListener("abort", aborted);
        // Who has given up waiting gets the lock all the same, and lets it go.
        result = signal?.aborted ? Promise.reject(signal.reason) : action();
        const release = () => running.go(new Uint8Array(0));
        result.then(release, release);
      },
      fail: ({ errno }) => {
        const name = errnoName(errno);
        const said = name === "EAGAIN" ? `somebody else holds the lock on ${file}` : `cannot lock ${file}: ${name}`;
        failure ??= new LibctError("ERR_CT_STATE", said, { path: file, errno: name });
      },
      done: (error) => {
        signal?.removeEventListener("abort", aborted);
        if (result) resolve(result);
        else reject(failure ?? error ?? new LibctError("ERR_CT_STATE", `cannot lock ${file}`));
      },
    });
  });
}

function lockProgram(file: string, operation: number): Uint8Array {
  const program = new ProgramBuilder(hostArch());
  const block = program.block("monitor");
  const path = block.str(file);
  const fd = block.sysResult("lock", "openat", [AT.FDCWD, path, O.RDWR | O.CREAT | O.CLOEXEC, 0o600]);
  block.sys("flock", [fd, operation]);
  block.notify(1, []);
  block.await(block.memory.zeroed(8), 8, program.register("length"));
  return encodeProgram(program.finish());
}
