import type { LibctError } from "../errors.ts";
import type { Zygote } from "../executor/index.ts";
import { encodeProgram, type Program } from "../program/index.ts";
import { failureError } from "./failures.ts";

/** Runs a program that ends by itself; rejects with its first failure, when everything is cleaned up. */
export function runProgram(zygote: Pick<Zygote, "run">, program: Program): Promise<void> {
  return new Promise((resolve, reject) => {
    let failure: LibctError | undefined;
    zygote.run(encodeProgram(program), {
      fail: (failed) => {
        failure ??= failureError(program, failed);
      },
      done: (error) => {
        const reason = failure ?? error;
        if (reason) reject(reason);
        else resolve();
      },
    });
  });
}
