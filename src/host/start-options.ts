import type { Stdio } from "../compile/index.ts";
import type { ContainerSpec, ProcessSpec } from "../spec/index.ts";
import type { Streams } from "./resolve.ts";

export interface StartOptions {
  /** Default: "ignore" */
  readonly stdin?: Stdio;
  /** Default: "pipe" */
  readonly stdout?: Stdio;
  readonly stderr?: Stdio;
  /** With a terminal: a Unix socket whose listener gets its master, and nobody relays it here. For who is not waited for. */
  readonly consoleSocket?: string | undefined;
  /** A Unix socket whose listener gets a pidfd of the process. */
  readonly pidfdSocket?: string | undefined;
  /**
   * Descriptors of this process that the command has, too: the first as 3, the next as 4, and so on. Nothing else above 2 is open in it. What leads to the
   * host leads the container there: a directory is a way out.
   */
  readonly fds?: readonly number[];
  /** Kills the process when it fires. */
  readonly signal?: AbortSignal | undefined;
}

/** What is executed: the command's words, or a whole process specification. */
export type Command = readonly string[] | (Partial<ProcessSpec> & { readonly args: readonly string[] });

/** The streams of a container that outlives its application are its record's. */
export function streamsOf(options: StartOptions, { lifetime }: ContainerSpec): Streams {
  const { stdin = "ignore", stdout = "pipe", stderr = "pipe" } = options;
  if (lifetime !== "host") return { stdin, stdout, stderr, ...passedOf(options), ...socketsOf(options) };
  const kept = (stream: Stdio) => (stream === "ignore" ? "ignore" : "log");
  return {
    stdin: stdin === "ignore" ? "ignore" : "fifo",
    stdout: kept(stdout),
    stderr: kept(stderr),
    ...passedOf(options),
  };
}

/** Who gets descriptors of the process. */
export const socketsOf = ({ consoleSocket, pidfdSocket }: StartOptions) => ({ consoleSocket, pidfdSocket });
/** How many descriptors the executor has for the command. */
export const passedOf = ({ fds = [] }: StartOptions) => (fds.length > 0 ? { passed: fds.length } : {});
