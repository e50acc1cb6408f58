import { readFileSync } from "node:fs";
import type { Stdio } from "../compile/index.ts";
import { type Host, planRun, type RunPlan } from "../host/index.ts";
import type { Invocation } from "./action.ts";
import { permittedCapabilities } from "./capabilities.ts";
import { type FlagContext, runOptions } from "./run-options.ts";
import { isTerminal, readTerminal } from "./terminal.ts";
import { namesImport } from "./words.ts";

/** What `run` does and `explain` tells. */
export async function planInvocation(invocation: Invocation, host: Host): Promise<RunPlan> {
  const { flags, root, command } = invocation;
  const { caller } = host;
  const context: FlagContext = {
    privileged: caller.privileged,
    get capabilities() {
      return permittedCapabilities(readFileSync("/proc/self/status", "utf8"));
    },
    env: process.env,
    terminal: flags.tty ? await readTerminal() : undefined,
  };
  if (root !== undefined && namesImport(root)) {
    return await (await import("./imported.ts")).planImport(invocation, host, context);
  }
  return await planRun(caller, command, runOptions(flags, root, context));
}

/**
 * Standard input is the caller's: a pipe or a file is meant for the command. A terminal is only with -t or -i, so that a command does not take the keys that
 * are meant for what comes after it.
 */
export async function inputFor(flags: { readonly tty?: true; readonly interactive?: true }): Promise<Stdio> {
  return flags.tty || flags.interactive || !(await isTerminal(0)) ? "inherit" : "ignore";
}
