import { LibctError } from "../errors.ts";
import { pause } from "../linux/index.ts";
import { fileError, isGone, parseFlat, readCgroupFile, readIfThere, writeCgroupFile } from "./files.ts";
import { type Cgroup, directoryOf, unifiedOf } from "./handle.ts";

/** How long is waited for the kernel to stop every process: one that sleeps uninterruptibly (in a broken network filesystem, say) keeps it from that. */
const PATIENCE = 10_000;

/** Stops every process of a container. Resolves when all stand still; throws LibctError when that takes longer than ten seconds, and then all go on. */
export async function freeze(cgroup: Cgroup): Promise<void> {
  const freezer = freezerOf(cgroup);
  set(freezer, true);
  const deadline = Date.now() + PATIENCE;
  for (let wait = 1; !freezer.isFrozen(); wait = Math.min(wait * 2, 50)) {
    if (Date.now() > deadline) {
      set(freezer, false);
      throw new LibctError("ERR_CT_SYSCALL", `the container could not be paused: ${freezer.file} did not take effect`, {
        path: freezer.file,
        hint: "a process is stuck in the kernel: see the state D in ps",
      });
    }
    await pause(wait);
    // Version 1 gives up on a process that is just being made, unless it is told again (freezer-subsystem.rst).
    if (freezer.repeats) set(freezer, true);
  }
}

/** Lets a container's processes go on. */
export async function thaw(cgroup: Cgroup): Promise<void> {
  const freezer = freezerOf(cgroup);
  set(freezer, false);
  for (let wait = 1; freezer.isFrozen(); wait = Math.min(wait * 2, 50)) await pause(wait);
}

/** Whether every process of the container is stopped; false where nothing can stop them. */
export const isFrozen = (cgroup: Cgroup): boolean => findFreezer(cgroup)?.isFrozen() ?? false;

/** Lets go of processes that were killed while the freezer of version 1 holds them: it keeps them until it is told (freezer-subsystem.rst). */
export function letDie(cgroup: Cgroup): void {
  const directory = directoryOf(cgroup, "freezer");
  if (!directory) return;
  const file = `${directory.path}/freezer.state`;
  try {
    if (readCgroupFile(file).trim() !== "THAWED") set({ file, words: FIRST }, false);
  } catch (error) {
    if (!isGone(error)) throw error; // It is dead already.
  }
}

const FIRST = ["THAWED", "FROZEN"] as const;

interface Freezer {
  readonly file: string;
  readonly words: readonly [thawed: string, frozen: string];
  readonly repeats: boolean;
  isFrozen(): boolean;
}

/** That of version 2 where there is one, since what it has frozen can still be killed. */
export function findFreezer(cgroup: Cgroup): Freezer | undefined {
  const unified = unifiedOf(cgroup);
  // cgroup.freeze came with Linux 5.2.
  if (unified && readIfThere(`${unified.path}/cgroup.freeze`) !== undefined) {
    const events = `${unified.path}/cgroup.events`;
    const isFrozen = () => parseFlat(readCgroupFile(events)).get("frozen") === 1;
    return { file: `${unified.path}/cgroup.freeze`, words: ["0", "1"], repeats: false, isFrozen };
  }
  const directory = directoryOf(cgroup, "freezer");
  if (!directory) return undefined;
  const file = `${directory.path}/freezer.state`;
  return { file, words: FIRST, repeats: true, isFrozen: () => readCgroupFile(file).trim() === "FROZEN" };
}

function freezerOf(cgroup: Cgroup): Freezer {
  const freezer = findFreezer(cgroup);
  if (freezer) return freezer;
  throw new LibctError("ERR_CT_NOT_SUPPORTED", "the container cannot be paused: it has no cgroup with a freezer", {
    hint: "it takes cgroups of version 2 (Linux 5.2) or the freezer of version 1, writable for this user",
  });
}

function set({ file, words }: Pick<Freezer, "file" | "words">, frozen: boolean): void {
  try {
    writeCgroupFile(file, words[Number(frozen)] ?? "");
  } catch (cause) {
    throw fileError("write", file, cause);
  }
}
