import { accessSync, constants } from "node:fs";
import type { IdMaps } from "../compile/index.ts";
import { LibctError } from "../errors.ts";
import type { ContainerSpec, IdMapping } from "../spec/index.ts";
import type { Caller } from "./caller.ts";

/** The largest id that can be mapped; 4294967295 means "no id" (user_namespaces(7)). */
const ALL_IDS = 4294967295;
/** Ids of a usual container: those of a distribution, with nobody at 65534. */
const CONTAINER_IDS = 65536;

/** Which ids a new user namespace has, and who may write its maps. */
export function resolveIdMaps(spec: ContainerSpec, caller: Caller): IdMaps {
  const wanted = { uid: spec.uidMappings ?? "auto", gid: spec.gidMappings ?? spec.uidMappings ?? "auto" };
  if (wanted.uid === "auto" && wanted.gid === "auto") return automatic(caller);
  const uid = explicit(wanted.uid, caller.uid, caller.subordinate.uid);
  const gid = explicit(wanted.gid, caller.gid, caller.subordinate.gid);
  if (caller.privileged) return { uid, gid, writer: "monitor", denySetgroups: false };
  if (isOwn(uid, caller.uid) && isOwn(gid, caller.gid)) return { uid, gid, writer: "self", denySetgroups: true };
  return { uid, gid, writer: mapHelpers(), denySetgroups: false };
}

/** Root keeps every id; others get their subordinate ids when they have some, else just their own. */
function automatic(caller: Caller): IdMaps {
  if (caller.privileged) {
    const identity = [{ containerID: 0, hostID: 0, size: ALL_IDS }];
    return { uid: identity, gid: identity, writer: "monitor", denySetgroups: false };
  }
  const uid = withSubordinates(caller.uid, caller.subordinate.uid);
  const gid = withSubordinates(caller.gid, caller.subordinate.gid);
  const helpers = uid.length > 1 && gid.length > 1 ? findMapHelpers() : undefined;
  if (helpers) return { uid, gid, writer: helpers, denySetgroups: false };
  return { uid: single(caller.uid), gid: single(caller.gid), writer: "self", denySetgroups: true };
}

const single = (id: number): readonly IdMapping[] => [{ containerID: 0, hostID: id, size: 1 }];

function withSubordinates(
  id: number,
  ranges: readonly { readonly start: number; readonly count: number }[],
): readonly IdMapping[] {
  const map: IdMapping[] = [{ containerID: 0, hostID: id, size: 1 }];
  let next = 1;
  for (const { start, count } of ranges) {
    const size = Math.min(count, CONTAINER_IDS - next);
    if (size <= 0) break;
    map.push({ containerID: next, hostID: start, size });
    next += size;
  }
  return map;
}

function explicit(
  wanted: "auto" | "identity" | readonly IdMapping[],
  id: number,
  ranges: Caller["subordinate"]["uid"],
): readonly IdMapping[] {
  if (wanted === "auto") return withSubordinates(id, ranges);
  if (wanted === "identity")
    return id === 0 ? [{ containerID: 0, hostID: 0, size: ALL_IDS }] : [{ containerID: id, hostID: id, size: 1 }];
  return wanted;
}

const isOwn = (map: readonly IdMapping[], id: number) => map.length === 1 && map[0]?.size === 1 && map[0].hostID === id;

function findMapHelpers(): { readonly newuidmap: string; readonly newgidmap: string } | undefined {
  const [newuidmap, newgidmap] = ["newuidmap", "newgidmap"].map(findProgram);
  return newuidmap && newgidmap ? { newuidmap, newgidmap } : undefined;
}

function mapHelpers(): { readonly newuidmap: string; readonly newgidmap: string } {
  const helpers = findMapHelpers();
  if (helpers) return helpers;
  throw new LibctError("ERR_CT_NOT_PERMITTED", "mapping more than one's own id needs newuidmap and newgidmap", {
    member: "uidMappings",
    hint: "install the package uidmap (shadow-utils), and give the user ranges in /etc/subuid and /etc/subgid",
  });
}

function findProgram(name: string): string | undefined {
  for (const directory of ["/usr/bin", "/bin", "/usr/local/bin"]) {
    try {
      accessSync(`${directory}/${name}`, constants.X_OK);
      return `${directory}/${name}`;
    } catch {
      // Not here: the next directory.
    }
  }
  return undefined;
}
