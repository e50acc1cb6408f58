import { Host, planRun } from "../host/index.ts";
import type { RunFlags } from "./flags.ts";
import { runOptions } from "./run-options.ts";

/** `ct explain`: prints the program that `ct run` would run. */
export async function explain(flags: RunFlags, root: string | undefined, command: readonly string[]): Promise<number> {
  const host = await Host.open();
  try {
    const plan = planRun(host.caller, command, runOptions(flags, root, host.caller));
    try {
      const container = await host.create(plan.spec);
      const streams = { stdin: "inherit", stdout: "inherit", stderr: "inherit" } as const;
      const listing = await container.explain(plan.process, { ...streams, kernel: flags.kernel });
      process.stdout.write(flags.json ? `${JSON.stringify(listing)}\n` : `${listing.toString().trimEnd()}\n`);
    } finally {
      plan.release?.();
    }
    return 0;
  } finally {
    await host[Symbol.asyncDispose]();
  }
}
