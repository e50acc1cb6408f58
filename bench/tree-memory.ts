import { readdirSync, readFileSync } from "node:fs";

/** So often: more would take the processor from what is measured. */
const INTERVAL_MS = 50;

/**
 * Watches the memory of a process and all its descendants until it is called, and gives the most that there was, in bytes: the larger of the sum at one of the
 * moments (what processes share is counted once) and of what one process alone has had in between.
 */
export function watchMemory(pid: number): () => number {
  let most = 0;
  const look = (): void => {
    const all = treeOf(pid);
    const sum = all.reduce((total, one) => total + bytesOf(`/proc/${one}/smaps_rollup`, "Pss"), 0);
    most = Math.max(most, sum, ...all.map((one) => bytesOf(`/proc/${one}/status`, "VmHWM")));
  };
  const timer = setInterval(look, INTERVAL_MS);
  return () => {
    clearInterval(timer);
    return most;
  };
}

const treeOf = (pid: number): readonly number[] => [pid, ...childrenOf(pid).flatMap(treeOf)];

/** A child belongs to the thread that has made it (proc_tid_children(5)). */
function childrenOf(pid: number): readonly number[] {
  const tasks = `/proc/${pid}/task`;
  const texts = ifThere(() => readdirSync(tasks), []).map((thread) => textOf(`${tasks}/${thread}/children`));
  return texts.flatMap((text) => text.split(" ").filter((word) => word !== "")).map(Number);
}

function bytesOf(path: string, name: string): number {
  const [, kibibytes = "0"] = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(textOf(path)) ?? [];
  return Number(kibibytes) * 1024;
}

const textOf = (path: string): string => ifThere(() => readFileSync(path, "utf8"), "");

/** A process may end while it is looked at. */
function ifThere<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
