import { LibctError } from "../../errors.ts";
import type { Runtime } from "./runtime.ts";
import { onlyContainer, open } from "./with-container.ts";

export async function start(runtime: Runtime, line: readonly string[]): Promise<number> {
  const { container } = await open(runtime, "start", onlyContainer("let the command of a created container go"), line);
  const { status } = container.status();
  if (status === "stopped") throw new LibctError("ERR_CT_STATE", "cannot start a container that has stopped");
  if (status !== "created") {
    const message = "cannot start an already running container";
    throw new LibctError("ERR_CT_STATE", `${message}: ${container.name} is ${status}`);
  }
  await container.release();
  return 0;
}

export async function pause(runtime: Runtime, line: readonly string[]): Promise<number> {
  const { container } = await open(runtime, "pause", onlyContainer("suspend all processes of a container"), line);
  await container.pause();
  return 0;
}

export async function resume(runtime: Runtime, line: readonly string[]): Promise<number> {
  const { container } = await open(runtime, "resume", onlyContainer("let a paused container go on"), line);
  if (container.status().status !== "paused") throw new LibctError("ERR_CT_STATE", "container not paused");
  await container.resume();
  return 0;
}

interface DeleteFlags {
  readonly force?: true;
}

export async function remove(runtime: Runtime, line: readonly string[]): Promise<number> {
  const syntax = {
    summary: "remove what is left of a container that has ended",
    usage: "[--force] CONTAINER",
    words: [1, 1] as const,
    flags: { force: { short: "-f" as const, text: "kill it first, and do not mind when there is none" } },
  };
  const { container, flags } = await open<DeleteFlags>(runtime, "delete", syntax, line).catch((error: unknown) => {
    const missing = error instanceof LibctError && error.code === "ERR_CT_NO_SUCH_CONTAINER";
    if (missing && line.some((word) => word === "-f" || word === "--force")) return { container: undefined, flags: {} };
    throw error;
  });
  if (!container) return 0;
  const { status } = container.status();
  // One that was never started is removed without much ado, as engines expect it.
  const force = flags.force || status === "created";
  if (!force && status !== "stopped") {
    const message = `cannot delete container ${container.name} that is not stopped: ${status}`;
    throw new LibctError("ERR_CT_STATE", message, { hint: "kill it first, or use --force" });
  }
  try {
    await container.remove({ force });
  } catch (error) {
    // "If any hook fails, the runtime MUST log a warning, but [...] lifecycle continues as if the hook had succeeded" (runtime.md, Lifecycle).
    if (!(error instanceof LibctError) || error.code !== "ERR_CT_HOOK") throw error;
    runtime.log.warn(error.message);
  }
  return 0;
}
