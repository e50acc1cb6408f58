import { NOTICE, REPORT } from "../compile/index.ts";
import { LibctError } from "../errors.ts";
import type { Failure, ProgramRun, Zygote } from "../executor/index.ts";
import { encodeProgram, type Program } from "../program/index.ts";
import type { PlannedNic } from "../spec/index.ts";
import { failureError } from "./failures.ts";

/** Runs it until it stands: one that is kept goes on then, whether this application does or not. Rejects with the first failure, when everything is undone. */
export function runNetChange(
  zygote: Pick<Zygote, "run">,
  program: Program,
  plans: readonly PlannedNic[],
): Promise<void> {
  return new Promise((resolve, reject) => {
    let failure: LibctError | Failure | undefined;
    let answer: Uint8Array | undefined;
    let said: string | undefined;
    const question = async ([nic = 0, number = 0, status = 0]: readonly number[]) => {
      try {
        await plans[nic]?.answer?.(number, status);
        run.go(new Uint8Array(0));
      } catch (error) {
        failure ??= error as LibctError;
        // More than the program has room for: it fails, and everything is undone.
        run.go(new Uint8Array(4096));
      }
    };
    const run: ProgramRun = zygote.run(encodeProgram(program), {
      notify: (code, values) => {
        if (code === NOTICE.NIC) void question(values);
        else if (code === NOTICE.STARTED) resolve();
      },
      data: (code, bytes) => {
        if (code === REPORT.NETLINK) answer ??= bytes.slice();
        if (code === REPORT.NET_PROCESS) said = new TextDecoder().decode(bytes);
      },
      fail: (failed) => {
        failure ??= failed;
      },
      done: (error) => {
        if (failure instanceof LibctError) reject(failure);
        else if (failure) reject(failureError(program, failure, answer, said));
        else if (error) reject(error);
        else resolve();
      },
    });
  });
}
