import { closeSync, openSync, readSync, statSync } from "node:fs";
import { LibctError } from "../errors.ts";
import { absolutePath } from "../linux/index.ts";
import type { RootDriver, RootStep } from "../spec/index.ts";
import { memoryOverlay, scratchSteps } from "./overlay.ts";

export interface ImageOptions {
  /** Default: told by the file's magic number. */
  readonly type?: "ext4" | "squashfs" | "erofs" | "xfs" | "btrfs";
  /** `memory` (default): changes go to memory and vanish. `none`: read-only. `direct`: into the file. */
  readonly changes?: "memory" | "none" | "direct";
}

/** A filesystem in a file as the root, through a loop device that vanishes with the container. Needs root: only root may attach loop devices. */
export function image(file: string, options: ImageOptions = {}): RootDriver {
  return {
    type: "image",
    plan(context) {
      const path = absolutePath(file);
      const type = options.type ?? detectFilesystem(path);
      if (context.uid !== 0) {
        throw new LibctError("ERR_CT_NOT_PERMITTED", `only root may mount the image ${path}`, {
          path,
          member: "root",
          hint: "unpack it into a directory, for example with unsquashfs, and use that",
        });
      }
      const changes = options.changes ?? "memory";
      const mounted = `${context.scratch}/image`;
      const steps: RootStep[] = [
        ...scratchSteps(context),
        { do: "mkdir", path: mounted, mode: 0o755 },
        { do: "image", file: path, target: mounted, type, readonly: changes !== "direct" },
      ];
      if (changes !== "memory") return { path: mounted, steps };
      const root = `${context.scratch}/root`;
      steps.push({ do: "mkdir", path: root, mode: 0o755 }, ...memoryOverlay(context, [mounted], root, context.scratch));
      return { path: root, steps };
    },
  };
}

/** Where each filesystem has its magic number. */
const MAGIC: readonly {
  readonly type: NonNullable<ImageOptions["type"]>;
  readonly at: number;
  readonly bytes: readonly number[];
}[] = [
  { type: "squashfs", at: 0, bytes: [0x68, 0x73, 0x71, 0x73] },
  { type: "erofs", at: 1024, bytes: [0xe2, 0xe1, 0xf5, 0xe0] },
  { type: "ext4", at: 1080, bytes: [0x53, 0xef] },
  { type: "xfs", at: 0, bytes: [0x58, 0x46, 0x53, 0x42] },
  { type: "btrfs", at: 65600, bytes: [0x5f, 0x42, 0x48, 0x52, 0x66, 0x53, 0x5f, 0x4d] },
];

function detectFilesystem(path: string): NonNullable<ImageOptions["type"]> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat)
    throw new LibctError("ERR_CT_INVALID_SPEC", `${path} does not exist`, { path, member: "root", errno: "ENOENT" });
  if (!stat.isFile()) throw new LibctError("ERR_CT_INVALID_SPEC", `${path} is not a file`, { path, member: "root" });
  const fd = openSync(path, "r");
  try {
    for (const { type, at, bytes } of MAGIC) {
      const found = new Uint8Array(bytes.length);
      readSync(fd, found, 0, bytes.length, at);
      if (bytes.every((byte, index) => found[index] === byte)) return type;
    }
  } finally {
    closeSync(fd);
  }
  throw new LibctError("ERR_CT_INVALID_SPEC", `${path} holds no filesystem that is known here`, {
    path,
    member: "root",
    hint: `expected one of ${MAGIC.map(({ type }) => type).join(", ")}`,
  });
}
