import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { compileReturn } from "../compile/index.ts";
import { LibctError } from "../errors.ts";
import { hostArch } from "../executor/index.ts";
import { removeAltNames } from "../linux/index.ts";
import {
  decodeKept,
  type FoundKept,
  identityOf,
  indexOf,
  ownNetwork,
  readNetworkState,
  request,
} from "../net/index.ts";
import type { NetValue, PlannedNic } from "../spec/index.ts";
import type { Surroundings } from "./resolve.ts";
import { runProgram } from "./run-program.ts";

/** Does what monitors that were killed would have done. */
export type Undoer = Pick<Surroundings, "features" | "runner">;

/** Gives back the interfaces of the host whose container's monitor was killed. Tells their names. */
export async function returnNics(undoer: Undoer, directory: string): Promise<readonly string[]> {
  if (!existsSync(directory)) return [];
  const returned: string[] = [];
  for (const file of readdirSync(directory).filter((name) => name.endsWith(".json"))) {
    const device = await returnOne(undoer, `${directory}/${file.slice(0, -".json".length)}`);
    if (device !== undefined) returned.push(device);
  }
  return returned;
}

/** Of a container whose monitor could not give them back as they were. */
export async function returnLent(undoer: Undoer, plans: readonly PlannedNic[]): Promise<void> {
  for (const step of plans.flatMap(({ setUp }) => setUp)) if (step.do === "keep") await returnOne(undoer, step.path);
}

/** The same for one namespace; undefined when there is nothing to do. */
export async function returnOne({ features, runner }: Undoer, path: string): Promise<string | undefined> {
  if (!existsSync(`${path}.json`)) return undefined;
  const kept = decodeKept(readFileSync(`${path}.json`, "utf8"));
  // It comes back to where it came from, and only who is there can see to that.
  if (kept && kept.hostNetwork !== ownNetwork()) return undefined;
  const found = kept && isNamespace(path) ? await lookAt(runner, kept, path) : undefined;
  const inside = found?.replaced === false ? { inside: { ...found.kept } } : {};
  try {
    await runProgram(runner, compileReturn({ arch: hostArch(), features, path, ...inside }));
    if (kept && found?.replaced) throw replaced(kept);
    return kept?.device;
  } catch (error) {
    // Its monitor is there, and has the lock.
    if (error instanceof LibctError && error.errno === "EAGAIN") return undefined;
    throw error;
  }
}

/** It may have been given names that the host has as well, by which it could not come back; or it is another one. */
async function lookAt(
  runner: Undoer["runner"],
  kept: FoundKept,
  path: string,
): Promise<{ readonly kept: FoundKept; readonly replaced: boolean }> {
  const { links } = await readNetworkState(runner, { network: path }, "nics");
  const link = links.find(({ index }) => index === kept.index);
  if (!link) return { kept, replaced: false };
  if (identityOf(link) !== kept.identity) return { kept, replaced: true };
  if (link.altNames.length === 0) return { kept, replaced: false };
  const message = removeAltNames<NetValue>(indexOf(kept.name, "container"), link.altNames);
  const why = `take the further names of ${kept.device} away`;
  return { kept: { ...kept, steps: [request("container", message, why), ...kept.steps] }, replaced: false };
}

const replaced = ({ device }: FoundKept) =>
  new LibctError("ERR_CT_STATE", `${device} does not come back: the container has put another interface in its place`, {
    member: "nics",
    hint: "a virtual interface is gone then: make it again",
  });

/** A namespace is a filesystem of its own (namespaces(7)); before it is mounted there is an empty file, or none. */
function isNamespace(path: string): boolean {
  const above = path.slice(0, path.lastIndexOf("/"));
  return existsSync(path) && statSync(path).dev !== statSync(above).dev;
}
