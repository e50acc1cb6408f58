import { readFileSync } from "node:fs";
import type { Stdio } from "../compile/index.ts";
import { type Host, planRun, type RunPlan } from "../host/index.ts";
import type { Invocation } from "./action.ts";
import { permittedCapabilities } from "./capabilities.ts";
import type { NetworkOptions } from "./run-options.ts";
import { runOptions } from "./run-options.ts";
import { isTerminal, readTerminal } from "./terminal.ts";

/** What `run` does and `explain` tells. */
export async function planInvocation({ flags, root, command }: Invocation, host: Host): Promise<RunPlan> {
  const { caller } = host;
  const options = runOptions(flags, root, {
    privileged: caller.privileged,
    get capabilities() {
      return permittedCapabilities(readFileSync("/proc/self/status", "utf8"));
    },
    env: process.env,
    terminal: flags.tty ? await readTerminal() : undefined,
    network: await networkOf(flags, host),
  });
  return await planRun(caller, command, options);
}

/** Most containers say nothing of it. */
async function networkOf(flags: Invocation["flags"], host: Host): Promise<NetworkOptions> {
  if (flags.net === undefined && flags.network === undefined && flags.nic.length === 0) return {};
  return (await import("./network-options.ts")).networkOptions(flags, (name) => host.open(name));
}

/**
 * Standard input is the caller's: a pipe or a file is meant for the command. A terminal is only with -t or -i, so that a command does not take the keys that
 * are meant for what comes after it.
 */
export async function inputFor(flags: { readonly tty?: true; readonly interactive?: true }): Promise<Stdio> {
  return flags.tty || flags.interactive || !(await isTerminal(0)) ? "inherit" : "ignore";
}
