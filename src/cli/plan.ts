import { readFileSync } from "node:fs";
import { isatty } from "node:tty";
import type { Stdio } from "../compile/index.ts";
import { type Caller, planRun, type RunPlan } from "../host/index.ts";
import type { Invocation } from "./action.ts";
import { permittedCapabilities } from "./capabilities.ts";
import { runOptions } from "./run-options.ts";
import { readTerminal } from "./terminal.ts";

/** What `run` does and `explain` tells. */
export function planInvocation({ flags, root, command }: Invocation, caller: Caller): RunPlan {
  const options = runOptions(flags, root, {
    privileged: caller.privileged,
    capabilities: permittedCapabilities(readFileSync("/proc/self/status", "utf8")),
    env: process.env,
    terminal: flags.tty ? readTerminal() : undefined,
  });
  return planRun(caller, command, options);
}

/**
 * Standard input is the caller's: a pipe or a file is meant for the command. A terminal is only with -t or -i, so that a command does not take the keys that
 * are meant for what comes after it.
 */
export function inputFor(flags: { readonly tty?: true; readonly interactive?: true }): Stdio {
  // Not process.stdin: to look at it makes a pipe non-blocking, for the command as well.
  return flags.tty || flags.interactive || !isatty(0) ? "inherit" : "ignore";
}
