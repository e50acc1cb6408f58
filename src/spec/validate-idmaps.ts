import { invalid } from "../errors.ts";
import { LAST_ID } from "./schema-base.ts";
import type { ContainerSpec, IdMapping } from "./types.ts";

/** UID_GID_MAP_MAX_EXTENTS of the kernel (user_namespaces(7); 5 before Linux 4.15). */
const MOST_EXTENTS = 340;

/** What the kernel would answer with a mere EINVAL. */
export function checkIdMappings(map: readonly IdMapping[], member: string): void {
  if (map.length > MOST_EXTENTS) {
    throw invalid(member, map.length, `at most ${MOST_EXTENTS} mappings, which is all the kernel takes`);
  }
  for (const side of ["containerID", "hostID"] as const) {
    map.forEach((mapping, index) => {
      if (mapping[side] + mapping.size - 1 <= LAST_ID) return;
      const most = LAST_ID - mapping[side] + 1;
      throw invalid(
        `${member}[${index}].size`,
        mapping.size,
        `at most ${most} ids from ${side} ${mapping[side]} on, as ${LAST_ID} is the last id`,
      );
    });
    checkOverlap(map, side, member);
  }
}

function checkOverlap(map: readonly IdMapping[], side: "containerID" | "hostID", member: string): void {
  if (map.length < 2) return;
  const order = map.map((mapping, index) => ({ first: mapping[side], next: mapping[side] + mapping.size, index }));
  order.sort((a, b) => a.first - b.first);
  for (let at = 1; at < order.length; at++) {
    const [before, after] = [order[at - 1], order[at]];
    if (!before || !after || before.next <= after.first) continue;
    const [one, other] = before.index < after.index ? [before, after] : [after, before];
    const where = side === "containerID" ? "inside" : "outside";
    throw invalid(
      `${member}[${other.index}].${side}`,
      other.first,
      `no id twice, but ${after.first} is already in ${member}[${one.index}] (${where})`,
    );
  }
}

/** The default user of a container must exist in the maps: setresuid(2) and setgroups(2) say EINVAL otherwise. */
export function checkUserIsMapped(spec: ContainerSpec): void {
  const user = spec.process?.user;
  if (typeof user !== "object") return;
  checkMapped(user.uid, spec.uidMappings, "uidMappings", "process.user.uid");
  checkMapped(user.gid, spec.gidMappings, "gidMappings", "process.user.gid");
  user.additionalGids?.forEach((gid, index) => {
    checkMapped(gid, spec.gidMappings, "gidMappings", `process.user.additionalGids[${index}]`);
  });
}

function checkMapped(id: number, map: ContainerSpec["uidMappings"], mapName: string, member: string): void {
  if (typeof map !== "object") return;
  if (map.some(({ containerID, size }) => id >= containerID && id < containerID + size)) return;
  const ranges = map.map(({ containerID, size }) => `${containerID} to ${containerID + size - 1}`).slice(0, 3);
  throw invalid(
    member,
    id,
    `an id that ${mapName} maps`,
    `mapped are ${ranges.join(", ")}${map.length > 3 ? ", ..." : ""}`,
  );
}
