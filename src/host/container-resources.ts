import { type Cgroup, freeze, isFrozen, thaw, update } from "../cgroup/index.ts";
import { compileDeviceProgram } from "../compile/index.ts";
import { LibctError } from "../errors.ts";
import { hostArch, type ProgramRunner } from "../executor/index.ts";
import { encodeProgram } from "../program/index.ts";
import type { ProcessIdentity } from "../records/index.ts";
import { type Resources, validateResources } from "../spec/index.ts";
import type { ContainerStats } from "./container-stats.ts";
import { failureError } from "./failures.ts";

/** A running container, as far as its limits are concerned. */
export interface Limited {
  readonly cgroup: Cgroup | undefined;
}

/** Changes limits; the rules for devices of cgroup v2 by a little program, as they take bpf(2). */
export async function updateResources({ cgroup }: Limited, runner: ProgramRunner, resources: Resources): Promise<void> {
  const valid = validateResources(resources);
  const known = required(cgroup);
  const files = () => update(known, valid, (directory, program) => attach(runner, directory, program));
  if (!known.scope) return await files();
  const { changeScope } = await import("./scope.ts");
  await changeScope(known, known.scope, valid, files);
}

export async function stats({ cgroup }: Limited, networked: ProcessIdentity | undefined): Promise<ContainerStats> {
  const known = required(cgroup);
  const { readContainerStats } = await import("./container-stats.ts");
  return readContainerStats(known, () => networked);
}
export const pause = ({ cgroup }: Limited): Promise<void> => freeze(required(cgroup));
export const resume = ({ cgroup }: Limited): Promise<void> => thaw(required(cgroup));

/** Who enters the cgroup of a paused container stands still as well, and nobody would see why. */
export function refusePaused(name: string, cgroup: Cgroup | undefined): void {
  if (!cgroup || !isFrozen(cgroup)) return;
  throw new LibctError("ERR_CT_STATE", `container ${name} is paused`, {
    hint: `let it go on first: ct resume ${name}`,
  });
}

function required(cgroup: Cgroup | undefined): Cgroup {
  if (cgroup) return cgroup;
  throw new LibctError("ERR_CT_NOT_SUPPORTED", "the container has no cgroup of its own", {
    member: "resources",
    hint: "make it with `resources: {}`, as root or where cgroups are delegated to this user (see `ct doctor`)",
  });
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
