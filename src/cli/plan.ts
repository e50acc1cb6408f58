import { readFileSync } from "node:fs";
import type { Stdio } from "../compile/index.ts";
import { LibctError } from "../errors.ts";
import { type Host, planRun, type RunOptions, type RunPlan } from "../host/index.ts";
import type { Invocation } from "./action.ts";
import { permittedCapabilities } from "./capabilities.ts";
import type { RunFlags } from "./flags.ts";
import { type FlagContext, type NetworkOptions, runOptions } from "./run-options.ts";
import { isTerminal, readTerminal } from "./terminal.ts";
import { isPath, namesImport } from "./words.ts";

export interface PlanOptions extends Pick<RunOptions, "lifetime"> {
  /** The files of another program's container, when they are still in an archive. */
  readonly unpack?: boolean;
}

/** What `run` does and `explain` tells. */
export async function planInvocation(
  invocation: Invocation,
  host: Host,
  { unpack = true, ...more }: PlanOptions = {},
): Promise<RunPlan> {
  const { flags, root, image, command } = invocation;
  const { caller } = host;
  const context: FlagContext = {
    privileged: caller.privileged,
    get capabilities() {
      return permittedCapabilities(readFileSync("/proc/self/status", "utf8"));
    },
    env: process.env,
    terminal: flags.tty ? await readTerminal() : undefined,
    network: await networkOf(flags, host),
  };
  if (root !== undefined && namesImport(root)) {
    return await (await import("./imported.ts")).planImport(invocation, host, context, unpack);
  }
  if (root !== undefined && flags.lower.length === 0 && !isPath(root)) await refuseAmbiguous(root, host);
  const options = runOptions(flags, image === undefined ? { root } : { image }, context);
  return await planRun(host, command, { ...options, ...(await imageOption(flags, image)), ...more });
}

/** Most containers say nothing of it. */
async function networkOf(flags: Invocation["flags"], host: Host): Promise<NetworkOptions> {
  const { net, network, nic, publish, publishAll, dns, dnsSearch, dnsOption, addHost } = flags;
  const said = [network, nic, publish, dns, dnsSearch, dnsOption, addHost].some(({ length }) => length > 0);
  if (net === undefined && !said && !publishAll) return {};
  return (await import("./network-options.ts")).networkOptions(flags, (name) => host.open(name));
}

/**
 * Standard input is the caller's: a pipe or a file is meant for the command. A terminal is only with -t or -i, so that a command does not take the keys that
 * are meant for what comes after it.
 */
export async function inputFor(flags: { readonly tty?: true; readonly interactive?: true }): Promise<Stdio> {
  return flags.tty || flags.interactive || !(await isTerminal(0)) ? "inherit" : "ignore";
}

/** A directory and an image of the same name: neither is guessed. */
async function refuseAmbiguous(word: string, { images }: Host): Promise<void> {
  if (!(await images.has(word).catch(() => false))) return;
  throw new LibctError("ERR_CT_USAGE", `${JSON.stringify(word)} is a file or directory here, and an image`, {
    hint: `./${word} is the former; with its whole name, such as docker.io/library/${word}, the latter is meant`,
  });
}

/** The image, which is fetched before anything else when it is not here: how far that is stands on standard error. */
async function imageOption(flags: RunFlags, image: string | undefined): Promise<Pick<RunOptions, "image">> {
  if (image === undefined) return {};
  const { entrypoint, storage, pull, platform, publishAll } = flags;
  return {
    image: {
      name: image,
      ...(entrypoint === undefined ? {} : { entrypoint: entrypoint === "" ? [] : [entrypoint] }),
      ...(storage === undefined ? {} : { storage }),
      ...(pull === undefined ? {} : { pull }),
      ...(platform === undefined ? {} : { platform }),
      ...(publishAll ? { publishExposed: true } : {}),
      watch: async (events) => {
        const { showProgress } = await import("./image/progress.ts");
        await showProgress(events, { json: false, quiet: flags.json ?? false });
      },
    },
  };
}
