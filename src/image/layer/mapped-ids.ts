import { LibctError } from "../../errors.ts";
import { show } from "./layer-names.ts";
import type { LayerIds } from "./session-program.ts";
import type { TarEntry } from "./tar-entry.ts";

/** The entry's owner and group exist in the user namespace that it is unpacked in. */
export function requireIds({ uid, gid }: TarEntry, path: string, ids: LayerIds): void {
  for (const [id, map, what] of [
    [uid, ids.uid, "user"],
    [gid, ids.gid, "group"],
  ] as const) {
    if (map.some(({ containerID, size }) => id >= containerID && id < containerID + size)) continue;
    throw new LibctError(
      "ERR_CT_NOT_PERMITTED",
      `${show(path)} in the layer belongs to the ${what} ${id}, which is not mapped`,
      {
        path,
        hint: `give this user more subordinate ids in /etc/sub${what === "user" ? "u" : "g"}id; 65536 are usual`,
      },
    );
  }
}
