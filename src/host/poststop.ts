import { type ContainerSpec, ociState } from "../spec/index.ts";

/** The container is gone whatever its hooks do: the first failure is thrown when all have been run. */
export async function runPoststop(spec: ContainerSpec): Promise<void> {
  if (!spec.hooks?.poststop) return;
  const { runAllHooks } = await import("./hooks.ts");
  const [failure] = await runAllHooks(spec.hooks, "poststop", ociState(spec, "stopped"));
  if (failure) throw failure;
}
