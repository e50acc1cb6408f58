import type { Executor } from "../executor/index.ts";
import type { Globals } from "./command.ts";
import type { RunFlags } from "./flags.ts";

/** A parsed command line of `ct run` or `ct explain`. */
export interface Invocation {
  readonly flags: RunFlags;
  readonly root: string | undefined;
  readonly image?: string;
  readonly command: readonly string[];
}

/** Does what a command line says, with the executor that was started for it, and gives the exit status. */
export type Action = (invocation: Invocation, executor: Executor, globals: Globals) => Promise<number>;
