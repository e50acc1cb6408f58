import type { LibctError } from "../errors.ts";
import type { ProgramRunner } from "../executor/index.ts";
import { encodeProgram, type Program } from "../program/index.ts";
import { failureError } from "./failures.ts";

/** Runs a program that notifies when it holds what it was to take, and waits: what it holds is held as long as `action` takes. */
export function runHeld<T>(runner: ProgramRunner, program: Program, action: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let result: Promise<T> | undefined;
    let failure: LibctError | undefined;
    let answer: Uint8Array | undefined;
    const running = runner.run(encodeProgram(program), {
      notify: () => {
        result = action();
        const release = () => running.go(new Uint8Array(0));
        result.then(release, release);
      },
      data: (_, bytes) => {
        answer = bytes.slice();
      },
      fail: (failed) => {
        failure ??= failureError(program, failed, answer);
      },
      done: (error) => {
        if (failure ?? error) reject(failure ?? error);
        else if (result) resolve(result);
        else reject(new Error("the program has ended before it held anything"));
      },
    });
  });
}
