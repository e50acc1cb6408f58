import type { IdMaps } from "../compile/index.ts";
import { LibctError } from "../errors.ts";
import { findProgram } from "../fs/index.ts";
import type { ContainerSpec, IdMapping } from "../spec/index.ts";
import type { Caller } from "./caller.ts";

/** Ids of a usual container: those of a distribution, with nobody at 65534. */
const CONTAINER_IDS = 65536;

/** Which ids a new user namespace has, and who may write its maps. */
export function resolveIdMaps(spec: ContainerSpec, caller: Caller): IdMaps {
  const wanted = { uid: spec.uidMappings ?? "auto", gid: spec.gidMappings ?? spec.uidMappings ?? "auto" };
  if (wanted.uid === "auto" && wanted.gid === "auto") return automaticIdMaps(caller);
  const uid = explicit(wanted.uid, caller, "uid");
  const gid = explicit(wanted.gid, caller, "gid");
  if (caller.privileged) return { uid, gid, writer: "monitor", denySetgroups: !caller.maySetgroups };
  if (isOwn(uid, caller.uid) && isOwn(gid, caller.gid)) return { uid, gid, writer: "self", denySetgroups: true };
  return { uid, gid, writer: mapHelpers(), denySetgroups: false };
}

/** Root keeps every id; others get their subordinate ids when they have some, else just their own. */
export function automaticIdMaps(caller: Caller): IdMaps {
  if (caller.privileged) {
    return {
      uid: identity(caller, "uid"),
      gid: identity(caller, "gid"),
      writer: "monitor",
      denySetgroups: !caller.maySetgroups,
    };
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
  caller: Caller,
  kind: "uid" | "gid",
): readonly IdMapping[] {
  if (wanted === "auto") return withSubordinates(caller[kind], caller.subordinate[kind]);
  return wanted === "identity" ? identity(caller, kind) : wanted;
}

/** Every id that exists here is itself; without privileges there is only one's own. */
const identity = (caller: Caller, kind: "uid" | "gid"): readonly IdMapping[] =>
  (caller.privileged ? caller.ids[kind] : [{ start: caller[kind], count: 1 }]).map(({ start, count }) => ({
    containerID: start,
    hostID: start,
    size: count,
  }));

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
