import { badLayer } from "./layer-error.ts";
import { show } from "./layer-names.ts";
import type { TarEntry } from "./tar-entry.ts";

/** Bytes of all attributes of an entry: filesystems take less, and they must go with the entry in one call. */
const MAX_XATTRS = 32 * 1024;

/**
 * What a layer may not say: overlay's own attributes would make it show other files than are there (overlayfs.rst, "redirect_dir", "metacopy"), and a label of
 * SELinux is one of the policy of the machine that made the layer.
 */
const FORBIDDEN = /^(trusted\.overlay\.|user\.overlay\.|user\.fuseoverlayfs\.|security\.selinux$)/;

export function keptXattrs(entry: TarEntry, path: string): ReadonlyMap<string, Uint8Array> {
  let bytes = 0;
  for (const [name, value] of entry.xattrs) {
    bytes += name.length + value.length;
    if (name.includes("\0"))
      throw badLayer(`an attribute of ${show(path)} in the layer has a NUL byte in its name`, { path });
  }
  if (bytes > MAX_XATTRS || entry.xattrs.size > 64) {
    throw badLayer(`${show(path)} in the layer has ${bytes} bytes of attributes; at most ${MAX_XATTRS} are taken`, {
      path,
    });
  }
  return keptAttributes(entry.xattrs);
}

/** Those that belong to the file itself. */
export const keptAttributes = (xattrs: ReadonlyMap<string, Uint8Array>): ReadonlyMap<string, Uint8Array> =>
  xattrs.size === 0 ? xattrs : new Map([...xattrs].filter(([name]) => !FORBIDDEN.test(name)));

/** Whether it is overlay's own attribute of that name: root's overlays have one kind, those in a user namespace, and fuse-overlayfs, another. */
export const isOverlays = (name: string, what: string): boolean =>
  name === `trusted.overlay.${what}` || name === `user.overlay.${what}` || name === `user.fuseoverlayfs.${what}`;
