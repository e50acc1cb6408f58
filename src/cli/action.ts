import type { Host } from "../host/index.ts";
import type { RunFlags } from "./flags.ts";

/** A parsed command line of `ct run` or `ct explain`. */
export interface Invocation {
  readonly flags: RunFlags;
  readonly root: string | undefined;
  readonly command: readonly string[];
}

/** How `ct` gets to a Host: the single-file program brings its own executor. */
export type OpenHost = () => Promise<Host>;

/** Does what a command line says and gives the exit status. */
export type Action = (invocation: Invocation, openHost: OpenHost) => Promise<number>;
