import { describe, expect, it } from "vitest";
import { compileContainer } from "../../src/compile/index.ts";
import { IFA_F, kernelFeatures } from "../../src/linux/index.ts";
import { moveDevice } from "../../src/net/index.ts";
import { verifyProgram } from "../../src/program/index.ts";
import { type ContainerSpec, type PlannedNic, validateSpec } from "../../src/spec/index.ts";
import { resolvedBy } from "../support/arbitrary-spec.ts";
import { listingOf } from "../support/listing.ts";

const ADDRESS = {
  index: 0,
  family: 2,
  prefixLength: 24,
  scope: 0,
  flags: IFA_F.NOPREFIXROUTE,
  address: Uint8Array.of(10, 9, 8, 7),
  local: Uint8Array.of(10, 9, 8, 7),
  broadcast: undefined,
  priority: undefined,
};
const program = (device: PlannedNic, spec: ContainerSpec = {}) =>
  compileContainer(
    resolvedBy(
      {
        spec: { namespaces: ["network"], ...spec },
        nics: { plans: [device], worker: "monitor", scratch: "/run/libct/scratch" },
      },
      kernelFeatures("6.12"),
    ),
  );

/** What the operations are for, in their order. */
const reasons = (listing: string) =>
  listing.split("\n").flatMap((line) => /# netDevices\.\w+: (.*)/.exec(line)?.[1] ?? []);

describe("an interface that moves into a container", () => {
  const device = moveDevice("veth0", "eth0", [ADDRESS]);

  it("is moved and renamed by one request, gets its addresses again, and goes up", () => {
    const steps = [...new Set(reasons(listingOf(program(device), "monitor")))];
    expect(steps).toEqual([
      "speak of the container's network namespace",
      "is there an interface eth0 already?",
      "the container's network namespace has an interface eth0 already",
      "come back",
      "find the interface veth0",
      "move veth0 into the container's network namespace",
      "find the interface eth0",
      "give it the address that it had, set eth0 up",
      "give it the address that it had",
      "set eth0 up",
    ]);
  });

  it("is named by the kernel when its new name is a template", () => {
    const steps = [...new Set(reasons(listingOf(program(moveDevice("veth0", "eth%d", [])), "monitor")))];
    expect(steps).toEqual([
      "find the interface veth0",
      "move veth0 into the container's network namespace",
      "speak of the container's network namespace",
      "find the interface ct-landing0",
      "name it eth%d, set eth%d up",
      "name it eth%d",
      "set eth%d up",
    ]);
  });

  it("is asked for in the host's namespace also when the monitor goes to another one", () => {
    const listing = listingOf(program(device, { namespaces: [{ type: "network", path: "/run/netns/a" }] }), "monitor");
    const own = listing.indexOf("ns_host = openat(proc");
    expect(own).toBeGreaterThan(0);
    expect(own).toBeLessThan(listing.indexOf("setns(ns_network"));
    expect(listing.indexOf("setns(ns_host")).toBeLessThan(listing.indexOf("netlink_host = socket(AF_NETLINK"));
  });

  it("is there before kernel parameters are set and the command is executed", () => {
    const init = listingOf(program(device, { sysctl: { "net.ipv4.conf.eth0.forwarding": "1" } }), "init");
    expect(init.indexOf("recvfrom(sync_child")).toBeLessThan(init.indexOf("sys/net/ipv4"));
    expect(verifyProgram(program(device))).toEqual([]);
  });
});

describe("the interfaces of a specification", () => {
  const member = (spec: object) => {
    try {
      validateSpec({ namespaces: ["network"], ...spec });
      return undefined;
    } catch (error) {
      return (error as { member?: string }).member;
    }
  };
  const wrong = (netDevices: object) => member({ netDevices });

  it("need a network namespace", () => {
    expect(() => validateSpec({ netDevices: { eth0: {} } })).toThrow('add "network" to namespaces');
    expect(member({ namespaces: [{ type: "network", path: "/ns" }], netDevices: { eth0: {} } })).toBeUndefined();
  });

  it("have names that the kernel takes", () => {
    expect(wrong({ eth0: {}, eth1: { name: "lan%d" }, eth2: { name: "lan%d" } })).toBeUndefined();
    expect(wrong({ "a/b": {} })).toBe("netDevices");
    expect(wrong({ lo: {} })).toBe("netDevices.lo");
    expect(wrong({ eth0: { name: "a name" } })).toBe("netDevices.eth0.name");
    expect(wrong({ eth0: { name: "sixteen-letters-" } })).toBe("netDevices.eth0.name");
    expect(wrong({ eth0: { name: "%d" } })).toBe("netDevices.eth0.name");
    expect(wrong({ eth0: { name: "eth%d%d" } })).toBe("netDevices.eth0.name");
    expect(wrong({ eth0: { name: "lo" } })).toBe("netDevices.eth0.name");
    expect(wrong({ eth0: { name: "a" }, eth1: { name: "a" } })).toBe("netDevices.eth1.name");
  });

  it("do not come back for a restart", () => {
    const spec = { netDevices: { eth0: {} }, lifetime: "host", name: "a", restart: { policy: "always" } };
    expect(member(spec)).toBe("restart.policy");
  });
});
