import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { type FoundRecord, RecordStore, statusOf } from "../src/records/index.ts";
import { elements, leaseInventory } from "./networks.ts";
import { processesOf } from "./processes.ts";

/** What of this run is on the machine: everything that may leak. */
export interface Inventory {
  readonly processes: readonly string[];
  readonly mounts: readonly string[];
  readonly cgroups: readonly string[];
  readonly loopDevices: readonly string[];
  /** Of the network namespace that the run has for itself. */
  readonly links: readonly string[];
  /** Notes of interfaces that plugins have made, or that somebody stays for, and the plugins' leases. */
  readonly attachments: readonly string[];
  /** Addresses of managed networks that somebody holds. */
  readonly leases: readonly string[];
  /** Names of containers, and how their ports are taken away, of those networks. */
  readonly leaseFiles: readonly string[];
  /** Of libct's table of rules: published ports, and networks. */
  readonly elements: readonly string[];
}

/** Where what is attached is written down. */
export interface Places {
  readonly stateDirectory: string;
  readonly leases: string;
}

export function takeInventory(mark: string, { stateDirectory, leases }: Places): Inventory {
  return {
    processes: processesOf(mark).map(({ pid, name }) => `${pid} ${name}`),
    mounts: readFileSync("/proc/self/mountinfo", "utf8").trim().split("\n"),
    cgroups: cgroups("/sys/fs/cgroup", 6),
    loopDevices: readdirSync("/sys/block").filter((name) => name.startsWith("loop") && backs(name)),
    links: links(),
    elements: elements(),
    ...leaseInventory(stateDirectory),
    attachments: [`${stateDirectory}/cni`, `${stateDirectory}/nics`, leases].flatMap((place) =>
      below(place).filter((path) => !/\/(lock|last_reserved_ip\.\d+)$/.test(path)),
    ),
  };
}

export const leaked = (before: Inventory, after: Inventory): readonly string[] =>
  (Object.keys(after) as (keyof Inventory)[]).flatMap((kind) => {
    const known = new Set(before[kind]);
    return after[kind].filter((item) => !known.has(item)).map((item) => `${kind}: ${item}`);
  });

interface Link {
  readonly ifname: string;
}

function links(): readonly string[] {
  const told = JSON.parse(execFileSync("ip", ["-j", "link", "show"], { encoding: "utf8" })) as readonly Link[];
  return told.map(({ ifname }) => ifname);
}

function below(directory: string): readonly string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.flatMap((entry) => {
      const path = `${directory}/${entry.name}`;
      return entry.isDirectory() ? below(path) : [path];
    });
  } catch {
    return []; // It was never made.
  }
}

/** What only a repair removes when a monitor was killed together with its application. */
export const awaitsRepair = (line: string): boolean =>
  /^(cgroups|attachments|links|leaseFiles|elements): /.test(line) || /^mounts: .*\/cni\//.test(line);

function cgroups(directory: string, depth: number): readonly string[] {
  return names(directory).flatMap((name) => {
    const path = `${directory}/${name}`;
    const own = /^libct-(.+-)?[0-9a-f]{8}$/.test(name) ? [path] : [];
    return [...own, ...(depth > 0 ? cgroups(path, depth - 1) : [])];
  });
}

function names(directory: string): readonly string[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [entry.name] : [],
    );
  } catch {
    return []; // Gone while it was looked at.
  }
}

function backs(name: string): boolean {
  try {
    return readFileSync(`/sys/block/${name}/loop/backing_file`, "utf8").trim() !== "";
  } catch {
    return false; // No file is attached.
  }
}

export interface Records {
  readonly containers: number;
  /** Records that nobody can read. */
  readonly corrupt: readonly string[];
  /** Ended, and its monitor was not killed: but how is not recorded, or wrongly. */
  readonly wrong: readonly string[];
  /** How it ended is not known, since its monitor was killed. */
  readonly lost: number;
}

/** `killed` are the processes that were killed: monitors, and containers' first processes while they were still being set up, which look the same. */
export function checkRecords(directory: string, killed: ReadonlySet<number>): Records {
  const listed = new RecordStore(directory).list();
  const found = listed.flatMap((one) => ("error" in one ? [] : [one]));
  return {
    containers: listed.length,
    corrupt: listed.flatMap((one) => ("error" in one ? [`${one.name}: ${one.error.message}`] : [])),
    wrong: found.flatMap((one) => faultOf(one, killed) ?? []),
    lost: found.filter(({ exit }) => exit === undefined).length,
  };
}

/** The exit status that a container's name says it has must be the one that was recorded. */
function faultOf(found: FoundRecord, killed: ReadonlySet<number>): string | undefined {
  const { name, exit, state } = found;
  const { status } = statusOf(found);
  if (status !== "stopped") return `${name}: ${status}`;
  if (exit === undefined) {
    return state && !killed.has(state.monitor.pid) ? `${name}: no exit status` : undefined;
  }
  // Without a state it was killed while it was being set up.
  const wasKilled = state === undefined || killed.has(state.init.pid);
  if (exit.how === "killed") return wasKilled ? undefined : `${name}: killed by ${exit.status}`;
  return exit.status === Number(/^h(\d+)-/.exec(name)?.[1]) ? undefined : `${name}: exit status ${exit.status}`;
}
