/** A word of a command line that is known only when the program runs. */
export type NetWord =
  | string
  /** The path of a file that is the container's network namespace. */
  | { readonly path: "network" }
  /** The number of a descriptor that is written to when all is set up. */
  | { readonly descriptor: "ready" };

/**
 * A program that carries an interface's traffic, such as pasta. It runs in the network namespace of the application, with all rights over the container's
 * namespaces, and is there before the next step; it ends with the monitor, however that ends.
 */
export interface NetProcess {
  readonly do: "process";
  /** An absolute path, and its arguments. */
  readonly args: readonly [string, ...NetWord[]];
  /** How it says that it is ready: it leaves a process in the background and exits with 0, or writes to the descriptor. */
  readonly ready: "exits" | "writes";
  readonly why: string;
}

/** A request to a Unix socket that gets an answer; anything else than the expected beginning of it is a failure. */
export interface NetQuestion {
  readonly do: "send";
  readonly socket: string;
  readonly request: string;
  /** Eight bytes. */
  readonly expected: string;
  /** Nobody asks there again: the socket's file is removed. */
  readonly last: boolean;
  readonly why: string;
}
