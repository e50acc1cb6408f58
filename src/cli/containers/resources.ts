import { readFileSync } from "node:fs";
import { pidsOf } from "../../cgroup/index.ts";
import { LibctError } from "../../errors.ts";
import type { Container, ContainerEvent, ContainerStats, Host, Meter, StatsPart } from "../../host/index.ts";
import type { Globals } from "../command.ts";
import { reportError } from "../exit.ts";
import { harmless } from "../harmless.ts";
import { print } from "../output.ts";
import type { ResourceFlags } from "../resource-flags.ts";
import { parseResources } from "../resource-options.ts";
import { usage } from "../syntax.ts";
import { age, bytes, table } from "../table.ts";
import { isTerminal } from "../terminal.ts";
import { forEach, onlyName, withHost } from "./with-host.ts";

export interface UpdateFlags extends ResourceFlags {
  readonly json?: true;
}

/** `ct update`: other limits for a container that runs. */
export function update(names: readonly string[], flags: UpdateFlags, globals: Globals): Promise<number> {
  const resources = parseResources(flags);
  if (Object.keys(resources).length === 0)
    throw usage("no limit is given", "`ct help update` tells what can be changed");
  return forEach({ names, globals, json: flags.json ?? false }, async (container) => {
    await container.update(resources);
    return undefined;
  });
}

export interface StatsFlags {
  readonly noStream?: true;
  readonly json?: true;
}

const INTERVAL_MS = 1000;

/** What the table has columns for. */
const SHOWN: readonly StatsPart[] = ["cpu", "memory", "pids", "io", "network"];

interface Sample {
  readonly name: string;
  readonly at: number;
  readonly stats: ContainerStats;
}

/** `ct stats`: what containers use: of those that are named, or of all that run. On a terminal anew each second. */
export function stats(names: readonly string[], flags: StatsFlags, globals: Globals): Promise<number> {
  return withHost(globals, async (host) => {
    await using meter = await host.meter();
    const parts = flags.json ? undefined : SHOWN;
    let before = await samples({ host, meter }, names, parts);
    const once = flags.noStream || flags.json || !(await isTerminal(1));
    do {
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
      const now = await samples({ host, meter }, names, parts);
      await print(process.stdout, once ? shown(now, before, flags) : `\x1b[2J\x1b[H${shown(now, before, flags)}`);
      before = now;
    } while (!once);
    return 0;
  });
}

async function samples(
  { host, meter }: { readonly host: Host; readonly meter: Meter },
  names: readonly string[],
  parts: readonly StatsPart[] | undefined,
): Promise<readonly Sample[]> {
  if (names.length === 0) {
    const all = await meter.stats(parts ? { parts } : {});
    const at = performance.now();
    return [...all].map(([name, stats]) => ({ name, at, stats })).sort((a, b) => (a.name < b.name ? -1 : 1));
  }
  const taken: Sample[] = [];
  for (const name of names) {
    const container = await host.open(name);
    taken.push({ name, at: performance.now(), stats: await container.stats() });
  }
  return taken;
}

function shown(now: readonly Sample[], before: readonly Sample[], flags: StatsFlags): string {
  const rows = now.map((sample) => ({ ...sample, cpu: cpuPercent(sample, before) }));
  if (flags.json)
    return `${JSON.stringify(rows.map(({ name, cpu, stats: all }) => ({ name, cpuPercent: cpu, ...all })))}\n`;
  return `${table([["NAME", "CPU %", "MEMORY", "LIMIT", "MEMORY %", "READ", "WRITTEN", "RECEIVED", "SENT", "PIDS"], ...rows.map(statsRow)])}\n`;
}

/** Of one processor, since the sample before. */
function cpuPercent({ name, at, stats: { cpu } }: Sample, before: readonly Sample[]): number | undefined {
  const last = before.find((sample) => sample.name === name);
  if (!cpu || !last?.stats.cpu || at === last.at) return undefined;
  return ((cpu.usage - last.stats.cpu.usage) / ((at - last.at) / 1000)) * 100;
}

function statsRow({
  name,
  stats: { memory, io, network, pids },
  cpu,
}: Sample & { readonly cpu: number | undefined }): string[] {
  const sum = (member: "readBytes" | "writeBytes") =>
    io === undefined ? "-" : bytes(io.reduce((total, one) => total + one[member], 0));
  const traffic = (way: "rx" | "tx") =>
    network === undefined ? "-" : bytes(Object.values(network).reduce((total, one) => total + one[way].bytes, 0));
  return [
    name,
    cpu === undefined ? "-" : cpu.toFixed(1),
    memory === undefined ? "-" : bytes(memory.usage),
    memory?.limit === undefined ? "-" : bytes(memory.limit),
    memory?.limit === undefined ? "-" : ((memory.usage / memory.limit) * 100).toFixed(1),
    sum("readBytes"),
    sum("writeBytes"),
    traffic("rx"),
    traffic("tx"),
    pids === undefined ? "-" : `${pids.current}`,
  ];
}

/** `ct events`: what happens in containers from now on, a line each, until they have ended. */
export function events(names: readonly string[], flags: { readonly json?: true }, globals: Globals): Promise<number> {
  onlyName(names);
  return withHost(globals, async (host) => {
    const stop = new AbortController();
    process.once("SIGINT", () => stop.abort());
    const all = await Promise.all(names.map((name) => host.open(name)));
    await Promise.all(all.map((container) => tellEvents(container, flags.json ?? false, stop.signal)));
    return 0;
  });
}

async function tellEvents(container: Container, json: boolean, signal: AbortSignal): Promise<void> {
  for await (const event of container.events({ signal })) {
    const time = new Date().toISOString();
    const text = harmless(`${time} ${container.name} ${event.type}${detail(event)}`);
    await print(process.stdout, `${json ? JSON.stringify({ time, name: container.name, ...event }) : text}\n`);
  }
}

function detail(event: ContainerEvent): string {
  if (event.type === "exit") return ` ${event.status.exitCode}`;
  if (event.type === "start") return ` (restart ${event.restarts})`;
  if (event.type === "link") return ` ${event.link.name} ${event.link.type}`;
  if (event.type === "health") return ` ${event.health}`;
  return event.count > 1 ? ` (${event.count} times)` : "";
}

/** `ct top`: the processes of a container, as the host sees them. */
export function top(words: readonly string[], flags: { readonly json?: true }, globals: Globals): Promise<number> {
  return withHost(globals, async (host) => {
    const container = await host.open(onlyName(words));
    const { cgroup } = container.info();
    const init = (await container.running()).init;
    const pids = cgroup ? pidsOf(cgroup) : [init.pid];
    const processes = pids.flatMap(describe);
    if (flags.json) await print(process.stdout, `${JSON.stringify(processes)}\n`);
    else
      await print(
        process.stdout,
        `${table([["PID", "PPID", "UID", "STATE", "CPU", "COMMAND"], ...processes.map(topRow)])}\n`,
      );
    if (!cgroup) await reportError(partial(), false);
    return 0;
  });
}

const partial = () =>
  new LibctError(
    "ERR_CT_NOT_SUPPORTED",
    "only the first process is shown: the container has no cgroup that would know the others",
  );

interface ProcessRow {
  readonly pid: number;
  readonly ppid: number;
  /** As the host sees it. */
  readonly uid: number;
  readonly state: string;
  /** Seconds of processor time. */
  readonly cpu: number;
  readonly command: string;
}

const topRow = ({ pid, ppid, uid, state, cpu, command }: ProcessRow) => [
  `${pid}`,
  `${ppid}`,
  `${uid}`,
  state,
  age(cpu),
  command,
];

/** proc_pid_stat(5), proc_pid_status(5). None when it has ended. */
function describe(pid: number): readonly ProcessRow[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").join(" ").trim();
    const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
    const uid = Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? -1);
    const [state = "?", ppid = "0"] = fields;
    const cpu = (Number(fields[11]) + Number(fields[12])) / 100;
    const command = (words === "" ? `[${name}]` : words).replace(/\p{Cc}/gu, "?");
    return [{ pid, ppid: Number(ppid), uid, state, cpu, command }];
  } catch {
    return [];
  }
}
