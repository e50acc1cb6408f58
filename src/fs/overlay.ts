import { chmodSync, existsSync, rmdirSync, rmSync } from "node:fs";
import { LibctError } from "../errors.ts";
import { absolutePath } from "../linux/index.ts";
import type { RootContext, RootDriver, RootPlan, RootStep } from "../spec/index.ts";
import { requireDirectory } from "./dir.ts";

export interface OverlayOptions {
  /** Directories of the host, the topmost first. They are never written to. */
  readonly lower: readonly string[];
  /** Where changes go and stay. Absent: to memory, and they vanish with the container. */
  readonly upper?: string;
  /** overlayfs's own directory beside `upper`, on the same filesystem. Default: `upper` with "-work" after it, removed afterwards. */
  readonly work?: string;
  /** Limit of the memory for changes, such as "256m"; default half of the machine's memory (tmpfs(5)). */
  readonly size?: string;
}

/** Several directories seen as one, with a private writable layer (the kernel's overlayfs). */
export function overlay(options: OverlayOptions): RootDriver {
  const work = workDirectory(options);
  return {
    type: "overlay",
    plan(context) {
      requireOverlay(context);
      const lower = options.lower.map((path, index) => requireDirectory(path, `root.lower[${index}]`));
      if (lower.length === 0) {
        throw new LibctError("ERR_CT_INVALID_SPEC", "an overlay needs at least one lower directory", {
          member: "root.lower",
        });
      }
      const root = `${context.scratch}/root`;
      const steps: RootStep[] = [...scratchSteps(context, options.size), { do: "mkdir", path: root, mode: 0o755 }];
      if (options.upper === undefined || work === undefined) {
        steps.push(...memoryOverlay(context, lower, root, context.scratch));
      } else {
        const upper = requireDirectory(options.upper, "root.upper");
        steps.push({ do: "mkdir", path: work, mode: 0o755 }, overlayMount(context, lower, upper, work, root));
      }
      return { path: root, steps, ...emptiedWork(options) };
    },
    release: () => releaseWork(options),
  };
}

/** Beside `upper`, unless it is said where; undefined without `upper`: then it is in memory. */
export function workDirectory({ upper, work }: OverlayOptions): string | undefined {
  if (work !== undefined) return absolutePath(work);
  return upper === undefined ? undefined : `${absolutePath(upper)}-work`;
}

/** What the kernel makes in the work directory (overlayfs.rst, "workdir" and "index"); only root may read the first. */
const KERNELS_OWN = ["work", "index"];

/** For the monitor: it is there also when the application is not. */
export function emptiedWork(options: OverlayOptions): Pick<RootPlan, "emptied" | "work"> {
  const work = workDirectory(options);
  if (work === undefined || options.work !== undefined) return {};
  return { emptied: [...KERNELS_OWN.map((name) => `${work}/${name}`), work], work };
}

/** Removes the work directory, unless it is the user's own. */
export function releaseWork(options: OverlayOptions): void {
  const { work } = emptiedWork(options);
  if (work !== undefined) removeWork(work);
}

/** What somebody else has put there stays. The monitor cannot do it all: where a file was deleted, the kernel leaves something in its directory. */
export function removeWork(work: string): void {
  if (!existsSync(work)) return;
  for (const name of KERNELS_OWN) {
    if (existsSync(`${work}/${name}`)) chmodSync(`${work}/${name}`, 0o700);
    rmSync(`${work}/${name}`, { recursive: true, force: true });
  }
  try {
    rmdirSync(work);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOTEMPTY") throw error;
  }
}

/** A tmpfs of the container's own at the scratch directory, to make directories in. */
export function scratchSteps(context: RootContext, size?: string): RootStep[] {
  const data = size === undefined ? "mode=755" : `mode=755,size=${size}`;
  return [{ do: "mount", source: "tmpfs", target: context.scratch, type: "tmpfs", data }];
}

/** An overlay whose writable layer is in directories of their own below `scratch`. */
export function memoryOverlay(
  context: RootContext,
  lower: readonly string[],
  target: string,
  scratch: string,
): RootStep[] {
  return [
    { do: "mkdir", path: `${scratch}/upper`, mode: 0o755 },
    { do: "mkdir", path: `${scratch}/work`, mode: 0o755 },
    overlayMount(context, lower, `${scratch}/upper`, `${scratch}/work`, target),
  ];
}

export function overlayMount(
  context: RootContext,
  lower: readonly string[],
  upper: string,
  work: string,
  target: string,
  more: readonly string[] = [],
): RootStep {
  const data = [overlayOptions(context, lower, upper, work), ...more].join(",");
  return { do: "mount", source: "overlay", target, type: "overlay", data };
}

/** Without user extended attributes an overlay in a user namespace could not delete (overlayfs.rst, "userxattr"). */
export function overlayOptions(context: RootContext, lower: readonly string[], upper: string, work: string): string {
  const options = [
    `lowerdir=${lower.map(escapeLayer).join(":")}`,
    `upperdir=${escapeOption(upper)}`,
    `workdir=${escapeOption(work)}`,
  ];
  if (context.userNamespace) options.push("userxattr");
  return options.join(",");
}

/** Commas end an option and colons a layer, unless a backslash stands before them. */
export const escapeOption = (path: string) => path.replace(/[\\,]/g, "\\$&");
const escapeLayer = (path: string) => path.replace(/[\\,:]/g, "\\$&");

export function requireOverlay(context: RootContext): void {
  if (!context.userNamespace || context.overlayInUserNamespace) return;
  throw new LibctError(
    "ERR_CT_NOT_SUPPORTED",
    "this kernel has no overlay in user namespaces (it came with Linux 5.11)",
    {
      member: "root",
      hint: "use the fuseOverlay driver with fuse-overlayfs installed, or run as root",
    },
  );
}
