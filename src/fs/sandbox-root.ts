import type { RootDriver } from "../spec/index.ts";
import { treeOf } from "./mount-tree.ts";
import { scratchSteps } from "./overlay.ts";

/** The machine's own root with everything mounted below it, read-only: writable places are bound over it. */
export function sandboxRoot(): RootDriver {
  return {
    type: "sandbox",
    plan(context) {
      const root = `${context.scratch}/root`;
      return {
        path: root,
        steps: [
          ...scratchSteps(context),
          { do: "mkdir", path: root, mode: 0o755 },
          { do: "bind", source: "/", target: root, recursive: true, readonly: true, ...treeOf(context, "/") },
        ],
      };
    },
  };
}
