import { deviceProgram } from "../../src/cgroup/index.ts";
import { compileDeviceProgram } from "../../src/compile/index.ts";
import { hostArch, startExecutor } from "../../src/executor/index.ts";
import { encodeProgram } from "../../src/program/index.ts";
import type { DeviceRule } from "../../src/spec/index.ts";

/** Gives a cgroup of version 2 these rules, in the place of those that it has. */
export async function attachForTest(directory: string, rules: readonly DeviceRule[]): Promise<void> {
  const { zygote } = await startExecutor(process.env.LIBCT_TEST_EXECUTOR);
  const program = compileDeviceProgram(hostArch(), directory, deviceProgram(rules));
  await new Promise<void>((resolve, reject) => {
    let failed: Error | undefined;
    zygote.run(encodeProgram(program), {
      fail: ({ op, errno }) => {
        failed ??= new Error(`operation ${op} failed with errno ${errno}`);
      },
      done: (error) => (failed || error ? reject(failed ?? error) : resolve()),
    });
  });
  await zygote.close();
}
