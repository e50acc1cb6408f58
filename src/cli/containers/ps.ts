import { readUsage } from "../../cgroup/index.ts";
import { LibctError } from "../../errors.ts";
import type { ContainerInfo, ContainerListing } from "../../host/index.ts";
import { withHealthDefaults } from "../../spec/index.ts";
import type { Globals } from "../command.ts";
import { errorText, reportError } from "../exit.ts";
import { print } from "../output.ts";
import { age, bytes, table } from "../table.ts";
import { networkColumns } from "./network-columns.ts";
import { onlyName, withHost } from "./with-host.ts";

export interface PsFlags {
  readonly all?: true;
  readonly running?: true;
  readonly quiet?: true;
  readonly json?: true;
}

/** `ct ps`: every container of the user, whoever has started it. */
export function ps(flags: PsFlags, globals: Globals): Promise<number> {
  return withHost(globals, async (host) => {
    const all = (await host.list()).filter((one) => !flags.running || isAlive(one));
    const lines = flags.json
      ? [JSON.stringify(all.map(summary))]
      : flags.quiet
        ? all.map(({ name }) => name)
        : [tableOf(all)];
    if (lines.length > 0) await print(process.stdout, `${lines.join("\n")}\n`);
    // What cannot be read stands in the table; why is said once, below.
    for (const one of all) if ("error" in one && !flags.json) await reportError(one.error, false);
    return 0;
  });
}

/** `ct inspect`: all that is known, as JSON. */
export function inspect(names: readonly string[], globals: Globals): Promise<number> {
  onlyName(names);
  return withHost(globals, async (host) => {
    const all = await Promise.all(names.map(async (name) => (await host.open(name)).info()));
    await print(process.stdout, `${JSON.stringify(all, undefined, 2)}\n`);
    return 0;
  });
}

const HEADING = ["NAME", "STATE", "PID", "AGE", "MEMORY", "CPU", "COMMAND"];
const LONGEST_COMMAND = 40;

function tableOf(all: readonly ContainerListing[]): string {
  const { heading, cells } = networkColumns(all);
  // Before the command, which may be long.
  const between = (line: readonly string[], more: readonly string[]) => [
    ...line.slice(0, -1),
    ...more,
    ...line.slice(-1),
  ];
  return table([between(HEADING, heading), ...all.map((one) => between(row(one), cells(one)))]);
}

const isAlive = (one: ContainerListing) => !("error" in one) && (one.status !== "stopped" || one.restarting);

function row(one: ContainerListing): readonly string[] {
  if ("error" in one) return [one.name, "unreadable", "-", "-", "-", "-", "-"];
  const { memory, cpu } = usage(one);
  return [
    one.name,
    stateOf(one),
    one.pid === undefined ? "-" : `${one.pid}`,
    one.started === undefined ? "-" : age((Date.now() - one.started.getTime()) / 1000),
    memory === undefined ? "-" : bytes(memory),
    cpu === undefined ? "-" : `${cpu.toFixed(2)}s`,
    shorten(one.args.join(" ")),
  ];
}

/** Also how it ended, which is what one wants to know next. */
function stateOf({ status, restarting, lost, exit, ...info }: ContainerInfo): string {
  if (restarting) return "restarting";
  if (lost) return "stopped (how is not known)";
  if (status === "running" || status === "paused") return `${status}${healthOf(info)}`;
  if (status !== "stopped" || !exit) return status;
  return `stopped (${exit.oomKilled ? "out of memory, " : ""}${exit.signal ?? exit.exitCode})`;
}

/** With the time of the last check when the next one is overdue: nobody makes them any more, or the container stands still. */
function healthOf({ health, spec }: Pick<ContainerInfo, "health" | "spec">): string {
  if (!health || !spec.healthcheck) return "";
  const { interval, timeout } = withHealthDefaults(spec.healthcheck);
  const since = health.last && (Date.now() - health.last.ended.getTime()) / 1000;
  const overdue = since !== undefined && since > interval + timeout + GRACE;
  return ` (${health.status}${overdue ? ` ${age(since)} ago` : ""})`;
}

/** Seconds */
const GRACE = 5;

function summary(one: ContainerListing): unknown {
  if ("error" in one) return one;
  const { name, status, pid, restarting, restarts, lost, created, started, exit, args, lifetime, health, networks } =
    one;
  const known = {
    name,
    status,
    pid,
    restarting,
    restarts,
    lost,
    created,
    started,
    exit,
    args,
    lifetime,
    health,
    networks,
  };
  return { ...known, ...usage(one) };
}

/** Bytes, and seconds of processor time, while it runs. */
function usage({ status, cgroup }: ContainerInfo): {
  readonly memory?: number | undefined;
  readonly cpu?: number | undefined;
} {
  if (status === "stopped" || !cgroup) return {};
  try {
    return readUsage(cgroup);
  } catch (error) {
    if (error instanceof LibctError) return {}; // It has ended meanwhile.
    throw error;
  }
}

function shorten(command: string): string {
  const line = errorText(new LibctError("ERR_CT_STATE", command));
  return line.length > LONGEST_COMMAND ? `${line.slice(0, LONGEST_COMMAND - 3)}...` : line;
}
