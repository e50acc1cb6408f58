import { LibctError } from "../../errors.ts";
import { image, overlay } from "../../fs/index.ts";
import { absolutePath } from "../../linux/index.ts";
import type { ContainerSpec } from "../../spec/index.ts";
import type { ImportContext, Settings } from "../index.ts";

export interface LxcRoot {
  readonly root: NonNullable<ContainerSpec["root"]>;
  /** Where its files lie on the host, when that is one directory. */
  readonly directory: string | undefined;
  readonly path: string;
}

const BACKEND = /^(dir|overlay|overlayfs|loop|btrfs|zfs|lvm|nbd|rbd|aufs):(.*)$/;

/** lxc.rootfs.*; undefined when the container has the host's own root. */
export function translateRoot(settings: Settings, context: ImportContext): LxcRoot | undefined {
  const given = settings.last("lxc.rootfs.path");
  settings.all("lxc.rootfs.mount");
  const backend = settings.last("lxc.rootfs.backend");
  if (given === undefined) return undefined;
  const [, type = backend ?? kindOf(given, context), path = given] = BACKEND.exec(given) ?? [];
  switch (type) {
    case "dir":
    case "btrfs": {
      const directory = absolutePath(path);
      return { root: directory, directory, path };
    }
    case "overlay":
    case "overlayfs":
      return overlayRoot(path);
    case "loop":
      return { root: image(path, { changes: "direct" }), directory: undefined, path };
    default:
      throw new LibctError(
        "ERR_CT_NOT_SUPPORTED",
        `the root ${given} is of a kind that libct does not mount: ${type}`,
        {
          member: "lxc.rootfs.path",
          path,
          hint: "mount it, and give the directory: lxc.rootfs.path = dir:/mnt",
        },
      );
  }
}

function kindOf(path: string, { kind }: ImportContext): string {
  const found = kind(path);
  if (found === "file") return "loop";
  return found === "block" ? "a block device" : "dir";
}

/** Lower directories, the topmost last but one, and the one that is written to. */
function overlayRoot(paths: string): LxcRoot {
  const parts = paths.split(":");
  const upper = parts.at(-1) ?? "";
  // LXC hands the list to the kernel as it stands, and the kernel has the topmost first (overlayfs.rst, "Multiple lower layers").
  const lower = parts.slice(0, -1);
  if (lower.length === 0) {
    throw new LibctError("ERR_CT_INVALID_SPEC", `an overlay is overlay:LOWER:UPPER, and not overlay:${paths}`, {
      member: "lxc.rootfs.path",
    });
  }
  return { root: overlay({ lower, upper }), directory: undefined, path: upper };
}

/** What lxc.rootfs.options means for the specification. */
export function rootOptions(settings: Settings, root: LxcRoot | undefined): Pick<ContainerSpec, "readonlyRoot"> {
  let readonlyRoot = false;
  for (const value of settings.all("lxc.rootfs.options")) {
    for (const option of value.split(",")) {
      if (option === "ro") readonlyRoot = root !== undefined;
      else if (option !== "rw" && option !== "defaults") {
        settings.ignore("lxc.rootfs.options", `the root is mounted without ${option}`, value);
      }
    }
  }
  return readonlyRoot ? { readonlyRoot } : {};
}
