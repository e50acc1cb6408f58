import { statSync } from "node:fs";
import { LibctError } from "../errors.ts";
import { absolutePath } from "../linux/index.ts";
import type { RootDriver } from "../spec/index.ts";
import { treeOf } from "./mount-tree.ts";

/** A directory of the host as the root, used in place: what the container writes stays. */
export function dir(path: string): RootDriver {
  return {
    type: "dir",
    plan(context) {
      const root = requireDirectory(path, "root");
      // pivot_root(2) wants a mount point, so the directory is bound on itself.
      return {
        path: root,
        steps: [{ do: "bind", source: root, target: root, recursive: true, ...treeOf(context, root) }],
      };
    },
  };
}

/** The absolute path of a directory that is there; otherwise an error that says what is. */
export function requireDirectory(path: string, member: string): string {
  const absolute = absolutePath(path);
  const stat = statSync(absolute, { throwIfNoEntry: false });
  if (!stat) {
    throw new LibctError("ERR_CT_INVALID_SPEC", `${absolute} does not exist`, {
      path: absolute,
      member,
      errno: "ENOENT",
    });
  }
  if (!stat.isDirectory()) {
    const hint = stat.isFile() ? "a filesystem in a file needs the image driver: image(...)" : undefined;
    throw new LibctError("ERR_CT_INVALID_SPEC", `${absolute} is not a directory`, {
      path: absolute,
      member,
      errno: "ENOTDIR",
      hint,
    });
  }
  return absolute;
}
