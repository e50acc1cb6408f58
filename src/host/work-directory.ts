import { readdirSync, readFileSync } from "node:fs";
import { escapeOption, removeWork } from "../fs/index.ts";
import type { RecordStore } from "../records/index.ts";

/** Removes the work directory of a container that is removed, unless another one has the same: one that is written down, or one that runs. */
export function clearWork(store: RecordStore, name: string, work: string | undefined): void {
  if (work === undefined) return;
  const others = store.list().filter((one) => one.name !== name);
  if (others.some((one) => "record" in one && one.record.work === work) || isMounted(work)) return;
  removeWork(work);
}

/** Looked for in the mount namespaces of all processes: an overlay must not lose its work directory. */
function isMounted(work: string): boolean {
  const option = `workdir=${escapeOption(work)}`;
  return readdirSync("/proc").some((pid) => /^\d+$/.test(pid) && mountsOf(pid).includes(option));
}

function mountsOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/mountinfo`, "utf8");
  } catch {
    return ""; // It has ended, or is somebody else's, who cannot have mounted what is ours.
  }
}
