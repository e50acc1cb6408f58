import { accessSync, constants } from "node:fs";
import { resolve } from "node:path";
import { LibctError } from "../errors.ts";
import type { RootDriver, RootStep } from "../spec/index.ts";
import { requireDirectory } from "./dir.ts";
import { type OverlayOptions, scratchSteps } from "./overlay.ts";

/** The overlay of fuse-overlayfs(1), for kernels whose own overlayfs is not allowed in user namespaces. Slower: a process answers every call. */
export function fuseOverlay(options: OverlayOptions): RootDriver {
  return {
    type: "fuse-overlay",
    plan(context) {
      const program = findProgram("fuse-overlayfs");
      const lower = options.lower.map((path, index) => requireDirectory(path, `root.lower[${index}]`));
      const upper =
        options.upper === undefined ? `${context.scratch}/upper` : requireDirectory(options.upper, "root.upper");
      const work =
        options.work ?? (options.upper === undefined ? `${context.scratch}/work` : `${resolve(options.upper)}-work`);
      const root = `${context.scratch}/root`;
      const layers = `lowerdir=${lower.join(":")},upperdir=${upper},workdir=${work}`;
      const steps: RootStep[] = [
        ...scratchSteps(context, options.size),
        { do: "mkdir", path: root, mode: 0o755 },
        { do: "mkdir", path: upper, mode: 0o755 },
        { do: "mkdir", path: work, mode: 0o755 },
        { do: "helper", args: [program, "-o", layers, root] },
      ];
      return { path: root, steps };
    },
  };
}

function findProgram(name: string): string {
  for (const directory of ["/usr/bin", "/bin", "/usr/local/bin"]) {
    try {
      accessSync(`${directory}/${name}`, constants.X_OK);
      return `${directory}/${name}`;
    } catch {
      // Not here: the next directory.
    }
  }
  throw new LibctError("ERR_CT_NOT_SUPPORTED", `${name} is not installed`, {
    member: "root",
    hint: `install the package ${name} of your distribution`,
  });
}
