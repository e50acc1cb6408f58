import { LibctError } from "../errors.ts";
import { hostArch, type ProgramRunner } from "../executor/index.ts";
import { AT, errnoName, O } from "../linux/index.ts";
import { encodeProgram, ProgramBuilder } from "../program/index.ts";

const LOCK_EX = 2;

/**
 * Does something while nobody else holds the lock on a file. The lock is that of a process of the executor, so it ends with this application however
 * that ends (flock(2)).
 */
export function lock<T>(runner: ProgramRunner, file: string, action: () => Promise<T>): Promise<T> {
  const program = new ProgramBuilder(hostArch());
  const block = program.block("monitor");
  const path = block.str(file);
  const fd = block.sysResult("lock", "openat", [AT.FDCWD, path, O.RDWR | O.CREAT | O.CLOEXEC, 0o600]);
  block.sys("flock", [fd, LOCK_EX]);
  block.notify(1, []);
  block.await(block.memory.zeroed(8), 8, program.register("length"));
  return new Promise((resolve, reject) => {
    let result: Promise<T> | undefined;
    let failure: LibctError | undefined;
    const running = runner.run(encodeProgram(program.finish()), {
      notify: () => {
        result = action();
        const release = () => running.go(new Uint8Array(0));
        result.then(release, release);
      },
      fail: ({ errno }) => {
        const name = errnoName(errno);
        failure ??= new LibctError("ERR_CT_STATE", `cannot lock ${file}: ${name}`, { path: file, errno: name });
      },
      done: (error) => {
        if (result) resolve(result);
        else reject(failure ?? error ?? new LibctError("ERR_CT_STATE", `cannot lock ${file}`));
      },
    });
  });
}
