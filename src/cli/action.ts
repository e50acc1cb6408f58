import type { RunFlags } from "./flags.ts";

/** A parsed command line of `ct run` or `ct explain`. */
export interface Invocation {
  readonly flags: RunFlags;
  readonly root: string | undefined;
  readonly command: readonly string[];
}

/** Does what a command line says and gives the exit status. */
export type Action = (invocation: Invocation) => Promise<number>;
