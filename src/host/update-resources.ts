import { update } from "../cgroup/index.ts";
import { compileDeviceProgram } from "../compile/index.ts";
import type { LibctError } from "../errors.ts";
import { hostArch, type ProgramRunner } from "../executor/index.ts";
import { encodeProgram } from "../program/index.ts";
import { type Resources, validateResources } from "../spec/index.ts";
import { type Limited, requireCgroup } from "./container-resources.ts";
import { failureError } from "./failures.ts";

/** Changes limits; the rules for devices of cgroup v2 by a little program, as they take bpf(2). */
export async function updateResources({ cgroup }: Limited, runner: ProgramRunner, resources: Resources): Promise<void> {
  const valid = validateResources(resources);
  const known = requireCgroup(cgroup);
  const files = () => update(known, valid, (directory, program) => attach(runner, directory, program));
  if (!known.scope) return await files();
  const { changeScope } = await import("./scope.ts");
  await changeScope(known, known.scope, valid, files);
}

function attach(runner: ProgramRunner, directory: string, instructions: Uint8Array): Promise<void> {
  const program = compileDeviceProgram(hostArch(), directory, instructions);
  return new Promise((resolve, reject) => {
    let failed: LibctError | undefined;
    runner.run(encodeProgram(program), {
      fail: (failure) => {
        failed ??= failureError(program, failure);
      },
      done: (error) => (failed || error ? reject(failed ?? error) : resolve()),
    });
  });
}
