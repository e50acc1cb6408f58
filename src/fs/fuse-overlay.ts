import { accessSync, constants } from "node:fs";
import { LibctError } from "../errors.ts";
import type { RootDriver, RootStep } from "../spec/index.ts";
import { requireDirectory } from "./dir.ts";
import { findProgram } from "./find-program.ts";
import { emptiedWork, escapeOption, type OverlayOptions, releaseWork, scratchSteps, workDirectory } from "./overlay.ts";

/** The overlay of fuse-overlayfs(1), for kernels whose own overlayfs is not allowed in user namespaces. Slower: a process answers every call. */
export function fuseOverlay(options: OverlayOptions): RootDriver {
  return {
    type: "fuse-overlay",
    plan(context) {
      const program = requireProgram("fuse-overlayfs");
      requireFuse();
      const lower = options.lower.map((path, index) => requireLayer(path, `root.lower[${index}]`));
      const upper =
        options.upper === undefined ? `${context.scratch}/upper` : requireDirectory(options.upper, "root.upper");
      const work = workDirectory(options) ?? `${context.scratch}/work`;
      const root = `${context.scratch}/root`;
      const steps: RootStep[] = [
        ...scratchSteps(context, options.size),
        { do: "mkdir", path: root, mode: 0o755 },
        { do: "mkdir", path: upper, mode: 0o755 },
        { do: "mkdir", path: work, mode: 0o755 },
        ...fuseOverlaySteps(lower, upper, work, root, program),
      ];
      return { path: root, steps, ...emptiedWork(options) };
    },
    release: () => releaseWork(options),
  };
}

/** The directories are there. */
export function fuseOverlaySteps(
  lower: readonly string[],
  upper: string,
  work: string,
  target: string,
  program = requireProgram("fuse-overlayfs"),
): readonly RootStep[] {
  const layers = lower.map(escapeOption).join(":");
  const options = `lowerdir=${layers},upperdir=${escapeOption(upper)},workdir=${escapeOption(work)}`;
  return [{ do: "helper", args: [program, "-o", options, target] }];
}

/** fuse-overlayfs(1) takes every colon for the end of a layer. */
function requireLayer(path: string, member: string): string {
  const layer = requireDirectory(path, member);
  if (!layer.includes(":")) return layer;
  throw new LibctError("ERR_CT_NOT_SUPPORTED", `fuse-overlayfs takes no layer with a colon in its path: ${layer}`, {
    path: layer,
    member,
    hint: "use the overlay driver, or another path",
  });
}

export function requireFuse(): void {
  try {
    accessSync("/dev/fuse", constants.R_OK | constants.W_OK);
  } catch (cause) {
    throw new LibctError("ERR_CT_NOT_PERMITTED", "/dev/fuse is missing, or this user may not open it", {
      path: "/dev/fuse",
      member: "root",
      hint: "load the kernel's module fuse, and let everybody use the device: chmod 666 /dev/fuse",
      cause,
    });
  }
}

function requireProgram(name: string): string {
  const path = findProgram(name);
  if (path) return path;
  throw new LibctError("ERR_CT_NOT_SUPPORTED", `${name} is not installed`, {
    member: "root",
    hint: `install the package ${name} of your distribution`,
  });
}
