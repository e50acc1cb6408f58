/** What the monitor does for an interface with files and programs of the host. It takes the caller's rights over the host. */
export type HostStep =
  /** Makes a directory, with mode 0700; one that is there will do. */
  | { readonly do: "mkdir"; readonly path: string; readonly why: string }
  /** Makes a file with this content, with mode 0600. */
  | { readonly do: "write"; readonly path: string; readonly content: string; readonly why: string }
  /** Removes a file, or an empty directory; one that is not there is no error. */
  | { readonly do: "remove"; readonly path: string; readonly directory?: boolean; readonly why: string }
  /** Binds the container's network namespace to a file that this makes: it can be named by that path, and lasts, until it is released. */
  | { readonly do: "pin"; readonly path: string; readonly why: string }
  | { readonly do: "unpin"; readonly path: string; readonly why: string }
  /** Asks the application, which runs `answer` of the plan with this number. In `setUp` only. */
  | { readonly do: "ask"; readonly question: number; readonly why: string }
  | NetExecution;

/**
 * Executes a program of the host's and waits for its end. In `setUp` how it ended is told to the next `ask`. In `tearDown` it is executed only if the file
 * `input` is there, which is removed when it has ended with 0; otherwise the rest of that interface's `tearDown` is left out, so that it can be tried again.
 */
export interface NetExecution {
  readonly do: "execute";
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
  /** Files: what it reads from its standard input, and what its outputs go to. */
  readonly input: string;
  readonly output: string;
  readonly errors: string;
  /** Seconds, after which it is killed. */
  readonly timeout: number;
  readonly why: string;
}

/** No status that wait4(2) gives. */
export const TIMED_OUT = -1;
