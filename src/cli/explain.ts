import type { Executor } from "../executor/index.ts";
import { Host } from "../host/index.ts";
import type { Invocation } from "./action.ts";
import { type Globals, withDirectories } from "./command.ts";
import { print } from "./output.ts";
import { wrong } from "./parse.ts";
import { inputFor, planInvocation } from "./plan.ts";

/** `ct explain`: prints the program that `ct run` would run. */
export async function explain(invocation: Invocation, executor: Executor, globals: Globals): Promise<number> {
  const { flags } = invocation;
  await using host = await Host.open({ started: executor, ...withDirectories(globals) });
  const { kernel } = flags;
  if (kernel !== undefined && !/^\d+\.\d+/.test(kernel)) throw wrong("--kernel", kernel, "a release such as 5.10");
  // Nothing is fetched, or unpacked, to be told of.
  const plan = await planInvocation({ ...invocation, flags: { ...flags, ...neverPulled(invocation) } }, host, {
    unpack: false,
    ...(flags.detach ? { lifetime: "host" as const } : {}),
  });
  try {
    const spec = flags.detach ? (await import("./containers/detach.ts")).durable(plan, flags) : plan.spec;
    await using container = await host.create(spec);
    const streams = { stdin: await inputFor(flags), stdout: "inherit", stderr: "inherit" } as const;
    const listing = await container.explain(plan.process, { ...streams, kernel });
    await print(process.stdout, flags.json ? `${JSON.stringify(listing)}\n` : `${listing.toString().trimEnd()}\n`);
    return 0;
  } finally {
    plan.release?.();
  }
}

const neverPulled = ({ image }: Invocation) => (image === undefined ? {} : { pull: "never" as const });
