import { hostRoot } from "../fs/index.ts";
import type { Caller } from "./caller.ts";
import type { Images } from "./images/images.ts";
import { overStandard } from "./over-standard.ts";
import type { RunOptions, RunPlan } from "./run-options.ts";

/** The specification of a throw-away container: the standard one, or the sandbox, with the caller's changes. */
export async function planRun(host: Planner, args: readonly string[], options: RunOptions): Promise<RunPlan> {
  const { caller } = host;
  if (options.image !== undefined) return (await import("./images/spec.ts")).planImageRun(host, args, options);
  if (options.sandbox) return (await import("./sandbox.ts")).planSandbox(caller, args, options, options.sandbox);
  const { spec, process } = overStandard(caller, options);
  // A variable that is added does not take PATH and HOME away.
  const env = { ...DEFAULT_ENV, ...process.env };
  return { spec: { ...spec, root: spec.root ?? hostRoot() }, process: { ...process, env, args } };
}

/** What a plan depends on: a Host. */
export interface Planner {
  readonly caller: Caller;
  readonly images: Images;
}

export const DEFAULT_ENV: Readonly<Record<string, string>> = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/root",
};
