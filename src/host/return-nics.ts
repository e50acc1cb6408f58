import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { compileReturn } from "../compile/index.ts";
import { LibctError } from "../errors.ts";
import { hostArch, type ProgramRunner } from "../executor/index.ts";
import { decodeKept, ownNetwork } from "../net/index.ts";
import type { PlannedNic } from "../spec/index.ts";
import { keptBeside } from "./kept-directory.ts";
import type { Repair } from "./repair.ts";
import type { Surroundings } from "./resolve.ts";
import { runProgram } from "./run-program.ts";

/** Gives back the interfaces of the host whose container's monitor was killed. Tells their names. */
export async function returnNics({
  runner,
  scratch,
}: Pick<Surroundings, "runner" | "scratch">): Promise<readonly Repair[]> {
  const directory = keptBeside(scratch);
  if (!existsSync(directory)) return [];
  const returned: Repair[] = [];
  for (const file of readdirSync(directory).filter((name) => name.endsWith(".json"))) {
    const device = await returnOne(runner, `${directory}/${file.slice(0, -".json".length)}`);
    if (device !== undefined) returned.push({ what: "interface", path: device });
  }
  return returned;
}

/** The same for those of one container. */
export async function returnFrom(plans: readonly PlannedNic[], runner: ProgramRunner): Promise<void> {
  for (const { setUp } of plans) for (const step of setUp) if (step.do === "keep") await returnOne(runner, step.path);
}

/** The same for one namespace; undefined when there is nothing to do. */
async function returnOne(runner: ProgramRunner, path: string): Promise<string | undefined> {
  if (!existsSync(`${path}.json`)) return undefined;
  const kept = decodeKept(readFileSync(`${path}.json`, "utf8"));
  // It comes back to where it came from, and only who is there can see to that.
  if (kept && kept.hostNetwork !== ownNetwork()) return undefined;
  const inside = kept && isNamespace(path) ? { inside: kept } : {};
  try {
    await runProgram(runner, compileReturn({ arch: hostArch(), path, ...inside }));
    return kept?.device;
  } catch (error) {
    // Its monitor is there, and has the lock.
    if (error instanceof LibctError && error.errno === "EAGAIN") return undefined;
    throw error;
  }
}

/** A namespace is a filesystem of its own (namespaces(7)); before it is mounted there is an empty file, or none. */
function isNamespace(path: string): boolean {
  const above = path.slice(0, path.lastIndexOf("/"));
  return existsSync(path) && statSync(path).dev !== statSync(above).dev;
}
