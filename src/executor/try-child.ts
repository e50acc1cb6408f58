import { SIG } from "../linux/index.ts";
import { type BlockBuilder, encodeProgram, ProgramBuilder } from "../program/index.ts";
import { hostArch } from "./locate.ts";
import type { Zygote } from "./zygote.ts";

/** Runs programs: a Zygote. */
export type ProgramRunner = Pick<Zygote, "run">;

/** Makes a child process with the clone flags and lets it do something; returns 0, or the errno of what failed. */
export function tryChild(runner: ProgramRunner, flags: number, act: (block: BlockBuilder) => void): Promise<number> {
  const program = new ProgramBuilder(hostArch());
  const monitor = program.block("monitor");
  const child = program.block("child");
  const pid = program.register("pid");
  monitor.spawn(child, { flags: flags | SIG.CHLD }, { dst: pid });
  monitor.sys("wait4", [pid, 0, 0, 0]);
  act(child);
  return new Promise((resolve, reject) => {
    let errno = 0;
    runner.run(encodeProgram(program.finish()), {
      fail: (failure) => {
        errno ||= failure.errno;
      },
      done: (error) => (error ? reject(error) : resolve(errno)),
    });
  });
}
