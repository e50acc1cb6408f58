import type { Executor } from "../../executor/index.ts";
import { Host, type RunPlan } from "../../host/index.ts";
import { randomHex } from "../../linux/index.ts";
import { type ContainerSpec, parseSize, type Restart } from "../../spec/index.ts";
import type { Invocation } from "../action.ts";
import { type Globals, withDirectories } from "../command.ts";
import type { RunFlags } from "../flags.ts";
import { print } from "../output.ts";
import { parseInteger, wrong } from "../parse.ts";
import { planInvocation } from "../plan.ts";
import { preservedFds } from "../preserve-fds.ts";
import { usage } from "../syntax.ts";

/** `ct run -d` and `ct create`: a container that outlives this command. Prints its name. */
export async function detach(invocation: Invocation, executor: Executor, globals: Globals, held: boolean) {
  const { flags } = invocation;
  refuse(flags);
  await using host = await Host.open({ started: executor, ...withDirectories(globals) });
  const plan = await planInvocation(invocation, host, { lifetime: "host" });
  const container = await host.create(durable(plan, flags));
  const input = flags.interactive || flags.tty ? "pipe" : "ignore";
  const options = { stdin: input, ...preservedFds(flags.preserveFds) } as const;
  if (held) await container.prepare(plan.process, options);
  else await container.start(plan.process, options);
  const unwatched = held || !plan.spec.healthcheck;
  if (!unwatched) await (await import("./keep-health.ts")).keepHealth(container.name, globals);
  await print(process.stdout, `${flags.json ? JSON.stringify({ name: container.name }) : container.name}\n`);
  return 0;
}

/** What only makes sense for a command that somebody waits for. */
function refuse(flags: RunFlags): void {
  const given = [
    ["--sandbox", flags.sandbox],
    ["--timeout", flags.timeout],
    ["--max-output", flags.maxOutput],
  ].find(([, value]) => value !== undefined);
  if (given) throw usage(`${given[0]} is for a container that ct waits for: leave it out, or -d`);
}

/** The same container, in the background. */
export function durable({ spec }: RunPlan, flags: RunFlags): ContainerSpec {
  return {
    ...spec,
    name: flags.name ?? spec.name ?? randomHex(6),
    lifetime: "host",
    ...(flags.restart === undefined ? {} : { restart: parseRestart(flags.restart) }),
    ...(flags.logSize === undefined ? {} : { log: { maxSize: parseSize(flags.logSize, "--log-size") } }),
    ...(flags.rm ? { autoRemove: true } : {}),
  };
}

function parseRestart(word: string): Restart {
  const [, policy, times] = /^(no|always|on-failure)(?::(\d+))?$/.exec(word) ?? [];
  if (policy !== "no" && policy !== "always" && policy !== "on-failure") {
    throw wrong("--restart", word, "no, on-failure[:TIMES] or always");
  }
  if (times === undefined) return { policy };
  return { policy, maximumRetryCount: parseInteger("--restart", times, 0, 0x7fff_ffff) };
}
