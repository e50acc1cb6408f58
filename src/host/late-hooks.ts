import { type ContainerSpec, ociState } from "../spec/index.ts";

/** The command is executed. A container whose hook fails is ended. */
export async function runPoststart(
  spec: ContainerSpec,
  pid: number | undefined,
  end: () => Promise<void>,
): Promise<void> {
  if (!spec.hooks?.poststart) return;
  const { runHooks } = await import("./hooks.ts");
  try {
    await runHooks(spec.hooks, ["poststart"], ociState(spec, "running", pid));
  } catch (error) {
    await end();
    throw error;
  }
}

/** The container is gone whatever its hooks do: the first failure is thrown when all have been run. */
export async function runPoststop(spec: ContainerSpec): Promise<void> {
  if (!spec.hooks?.poststop) return;
  const { runAllHooks } = await import("./hooks.ts");
  const [failure] = await runAllHooks(spec.hooks, "poststop", ociState(spec, "stopped"));
  if (failure) throw failure;
}
