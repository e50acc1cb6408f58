import { describe, expect, it } from "vitest";
import type { Caller } from "../../src/host/caller.ts";
import { resolveIdMaps } from "../../src/host/idmaps.ts";

const user = (ranges: Caller["subordinate"]["uid"] = []): Caller => ({
  uid: 1000,
  gid: 1000,
  privileged: false,
  initialUserNamespace: true,
  maySetgroups: true,
  ids: { uid: [{ start: 0, count: 4294967295 }], gid: [{ start: 0, count: 4294967295 }] },
  subordinate: { uid: ranges, gid: ranges },
});
const root: Caller = { ...user(), uid: 0, gid: 0, privileged: true };

describe("id maps of a new user namespace", () => {
  it("map an ordinary user without subordinate ids to the container's root, by itself and without setgroups", () => {
    const own = [{ containerID: 0, hostID: 1000, size: 1 }];
    expect(resolveIdMaps({}, user())).toEqual({ uid: own, gid: own, writer: "self", denySetgroups: true });
  });

  it("add the subordinate ids, up to the 65536 ids of a usual container", () => {
    const ranges = [
      { start: 100000, count: 65000 },
      { start: 500000, count: 65536 },
    ];
    const expected = [
      { containerID: 0, hostID: 1000, size: 1 },
      { containerID: 1, hostID: 100000, size: 65000 },
      { containerID: 65001, hostID: 500000, size: 535 },
    ];
    const maps = resolveIdMaps({ uidMappings: [...expected], gidMappings: [...expected] }, root);
    expect(maps.uid).toEqual(expected);
    expect(
      resolveIdMaps({ uidMappings: "auto", gidMappings: [...expected] }, { ...user(ranges), privileged: true }).uid,
    ).toEqual(expected);
  });

  it("are the identity for root, written by the privileged monitor", () => {
    const identity = [{ containerID: 0, hostID: 0, size: 4294967295 }];
    expect(resolveIdMaps({}, root)).toEqual({ uid: identity, gid: identity, writer: "monitor", denySetgroups: false });
  });

  it("keep the user's own id under its own number when asked for", () => {
    const own = [{ containerID: 1000, hostID: 1000, size: 1 }];
    expect(resolveIdMaps({ uidMappings: "identity" }, user())).toMatchObject({ uid: own, gid: own, writer: "self" });
  });
});
