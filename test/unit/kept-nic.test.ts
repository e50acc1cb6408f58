import { describe, expect, it } from "vitest";
import { compileReturn } from "../../src/compile/index.ts";
import { changeLink, kernelFeatures } from "../../src/linux/index.ts";
import { decodeKept, encodeKept, identityOf, indexOf, request } from "../../src/net/index.ts";
import type { NetValue } from "../../src/spec/index.ts";
import { listingOf } from "../support/listing.ts";

const step = request(
  "container",
  changeLink<NetValue>({ index: indexOf("eth0", "container"), name: "nic0" }),
  "give it back",
  [19],
);
const features = kernelFeatures("6.12");
const kept = { device: "nic0", name: "eth0", hostNetwork: "4:42", identity: "veth", steps: [step] };

describe("what is written down of an interface of the host", () => {
  it("is read as it was written, with the index that it got", () => {
    const content = encodeKept(kept);
    expect(decodeKept(content)).toEqual({ ...kept, index: 0 });
    expect(decodeKept(`${content}          7\n`)).toEqual({ ...kept, index: 7 });
  });

  it("tells an interface from another one by its kind, and by the address of its hardware", () => {
    const mac = Uint8Array.of(2, 0, 0, 0, 0, 7);
    expect(identityOf({ kind: "veth", permanentMac: undefined })).toBe("veth");
    expect(identityOf({ kind: undefined, permanentMac: mac })).toBe("physical 02:00:00:00:00:07");
    expect(identityOf({ kind: "tun", permanentMac: new Uint8Array(6) })).toBe("tun");
  });

  it("is nothing when it was cut off, as nothing had been moved then", () => {
    const content = encodeKept(kept);
    for (const length of [0, 1, content.length - 2]) expect(decodeKept(content.slice(0, length))).toBeUndefined();
  });

  it("is done by a program that first sees that no monitor has the namespace", () => {
    const inside = { name: "eth0", index: 7, steps: [step] };
    const listing = listingOf(
      compileReturn({ arch: "x86_64", features, path: "/run/libct/netns/a", inside }),
      "return",
    );
    const order = ["F_OFD_SETLK", "setns(ns_container", "# nics: give it back", "SIOCGIFNAME", "umount2", "unlinkat"];
    const places = order.map((word) => listing.indexOf(word));
    expect(places.every((place) => place > 0)).toBe(true);
    expect([...places].sort((a, b) => a - b)).toEqual(places);
    const without = listingOf(compileReturn({ arch: "x86_64", features, path: "/run/libct/netns/a" }), "return");
    expect(without).not.toContain("setns");
    expect(without).toContain("unlinkat");
  });
});
