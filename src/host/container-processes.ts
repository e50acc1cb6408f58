import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { RunningContainer } from "./running-container.ts";

/** A process of a container: its id on the host, and in the container's pid namespace when that has one. */
export interface ContainerProcess {
  readonly host: number;
  readonly inside: number;
}

/** The processes of a container: of its cgroup, or else of its pid namespace, or else those that its monitor looks after. Who ends meanwhile is left out. */
export function listProcesses({ init, cgroups, spec }: RunningContainer): readonly ContainerProcess[] {
  const namespaced = (spec.namespaces ?? []).some((one) => (typeof one === "string" ? one : one.type) === "pid");
  const [cgroup] = cgroups;
  const pids =
    cgroup !== undefined
      ? inCgroup(cgroup.path)
      : namespaced
        ? inPidNamespace(init.pid)
        : descendants(parentOf(init.pid));
  const level = namespaced ? idsOf(init.pid).length - 1 : 0;
  return pids.flatMap((host) => {
    const inside = idsOf(host)[level];
    return inside === undefined ? [] : [{ host, inside }];
  });
}

function inCgroup(path: string): readonly number[] {
  const below = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [...numbers(read(`${path}/cgroup.procs`)), ...below.flatMap(({ name }) => inCgroup(`${path}/${name}`))];
}

function inPidNamespace(init: number): readonly number[] {
  const own = link(`/proc/${init}/ns/pid`);
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => own !== undefined && link(`/proc/${pid}/ns/pid`) === own).map(Number);
}

function descendants(pid: number): readonly number[] {
  const children = numbers(read(`/proc/${pid}/task/${pid}/children`));
  return children.flatMap((child) => [child, ...descendants(child)]);
}

/** "NSpid:	105	7": its ids from the reader's pid namespace inwards (proc_pid_status(5)). */
const idsOf = (pid: number) => numbers(/^NSpid:(.*)$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? "");
const parentOf = (pid: number) => Number(/^PPid:\s*(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0);
const numbers = (text: string) => text.split(/\s+/).filter(Boolean).map(Number);

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // It has ended.
  }
}

function link(file: string): string | undefined {
  try {
    return readlinkSync(file);
  } catch {
    return undefined; // It has ended, or is another user's.
  }
}
