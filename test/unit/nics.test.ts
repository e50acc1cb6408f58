import { describe, expect, it } from "vitest";
import { LibctError } from "../../src/errors.ts";
import { isSame } from "../../src/host/recent.ts";
import { planNics } from "../../src/net/index.ts";
import { drawnName, isInterfaceName, type Nic, validateSpec } from "../../src/spec/index.ts";
import { NIC_SURROUNDINGS } from "../support/nic-plans.ts";

const refused = (nics: unknown, more: object = {}) => {
  try {
    validateSpec({ namespaces: ["network"], nics, ...more });
    return undefined;
  } catch (error) {
    if (error instanceof LibctError) return error.member;
    throw error;
  }
};
const eth0 = (nic: object) => refused({ eth0: { type: "veth", ...nic } });

describe("the interfaces of a specification", () => {
  it("are taken with all their members", () => {
    const nic = {
      master: "br0",
      mac: "02:42:ac:11:00:02",
      mtu: 1400,
      addresses: ["10.0.0.2/24", "fd00::2/64"],
      routes: [
        { to: "default", via: "10.0.0.1", from: "10.0.0.2", metric: 3 },
        { to: "fd01::/16", nexthops: [{ via: "fd00::1", weight: 2 }, { dev: "eth0" }] },
      ],
      txQueueLength: 100,
      up: false,
      sysctl: { "net.ipv4.conf.IFNAME.rp_filter": "0" },
      peer: { name: "out0", mac: "02:42:ac:11:00:03", hairpin: true },
    };
    expect(eth0(nic)).toBeUndefined();
    expect(refused({})).toBeUndefined();
  });

  it("need a network namespace of their own", () => {
    expect(refused({}, { namespaces: [] })).toBe("nics");
    expect(refused({ eth0: { type: "veth" } }, { namespaces: [{ type: "network", path: "/ns" }] })).toBe("nics");
  });

  it("have a type, or a driver", () => {
    expect(refused({ eth0: {} })).toBe("nics.eth0.type");
    expect(refused({ eth0: { type: "vhet" } })).toBe("nics.eth0.type");
    expect(refused({ eth0: { driver: { type: "mine" } } })).toBe("nics.eth0.driver");
    expect(refused({ eth0: { driver: { type: "mine", plan: () => ({ setUp: [] }) }, mtu: 1400 } })).toBeUndefined();
  });

  it("have names and MAC addresses that the kernel takes, each once", () => {
    expect(refused({ "sixteen-letters-": { type: "veth" } })).toBe("nics");
    expect(refused({ "a/b": { type: "veth" } })).toBe("nics");
    expect(refused({ ääääääää: { type: "veth" } })).toBe("nics");
    expect(refused({ lo: { type: "veth" } })).toBe("nics.lo");
    expect(refused({ eth0: { type: "loopback" } })).toBe("nics.eth0");
    expect(refused({ lo: { type: "loopback", addresses: ["10.1.1.1/32"] } })).toBeUndefined();
    expect(eth0({ master: "sixteen-letters-" })).toBe("nics.eth0.master");
    expect(eth0({ mac: "01:00:5e:00:00:01" })).toBe("nics.eth0.mac");
    expect(eth0({ mac: "00:00:00:00:00:00" })).toBe("nics.eth0.mac");
    expect(eth0({ mac: "2:0:0:0:0:1" })).toBe("nics.eth0.mac");
    const mac = "02:00:00:00:00:01";
    expect(refused({ eth0: { type: "veth", mac }, eth1: { type: "veth", mac } })).toBe("nics.eth1.mac");
    expect(eth0({ mac, peer: { mac } })).toBe("nics.eth0.peer.mac");
    expect(eth0({ peer: { isolated: true } })).toBe("nics.eth0.peer.isolated");
    expect(refused({ eth0: { type: "veth" } }, { netDevices: { eth7: { name: "eth0" } } })).toBe("nics.eth0");
  });

  it("have an MTU in the range of their addresses", () => {
    expect(eth0({ mtu: 67 })).toBe("nics.eth0.mtu");
    expect(eth0({ mtu: 65536 })).toBe("nics.eth0.mtu");
    expect(eth0({ mtu: 1000, addresses: ["10.0.0.2/24"] })).toBeUndefined();
    expect(eth0({ mtu: 1000, addresses: ["fd00::2/64"] })).toBe("nics.eth0.mtu");
  });

  it("have addresses that an interface can have, each once", () => {
    for (const wrong of [
      "10.0.0.2",
      "10.0.0.256/24",
      "10.0.0.2/33",
      "10.0.0.0/24",
      "10.0.0.255/24",
      "224.0.0.1/4",
      "::/0",
      "ff02::1/64",
      "fd00::g/64",
    ]) {
      expect([wrong, eth0({ addresses: [wrong] })]).toEqual([wrong, "nics.eth0.addresses[0]"]);
    }
    for (const right of ["10.0.0.0/31", "10.0.0.255/32", "fd00::/64", "::ffff:10.0.0.1/128"]) {
      expect([right, eth0({ addresses: [right] })]).toEqual([right, undefined]);
    }
    expect(eth0({ addresses: ["fd00::1/64", "fd00:0::1/64"] })).toBe("nics.eth0.addresses[1]");
  });

  it("have no address of IPv6 on a side without it", () => {
    const peer = { ipv6: false, addresses: ["10.0.0.1/24", "fd00::1/64"] };
    expect(eth0({ peer })).toBe("nics.eth0.peer.addresses[1]");
    expect(eth0({ peer: { ...peer, ipv6: true } })).toBeUndefined();
  });

  it("have routes that make sense", () => {
    const route = (one: object) => eth0({ routes: [one] });
    expect(route({ to: "10.0.0.1/8", via: "10.0.0.1" })).toBe("nics.eth0.routes[0].to");
    expect(route({ to: "somewhere" })).toBe("nics.eth0.routes[0].to");
    expect(route({ to: "10.0.0.0/8", via: "fd00::1" })).toBe("nics.eth0.routes[0].via");
    expect(route({ to: "default", via: "10.0.0.1", from: "fd00::1" })).toBe("nics.eth0.routes[0].from");
    expect(route({ to: "default", nexthops: [] })).toBe("nics.eth0.routes[0].nexthops");
    expect(route({ to: "default", nexthops: [{ dev: "eth9" }] })).toBe("nics.eth0.routes[0].nexthops[0].dev");
    expect(route({ to: "default", nexthops: [{ weight: 257 }] })).toBe("nics.eth0.routes[0].nexthops[0].weight");
    expect(route({ to: "default", via: "10.0.0.1", nexthops: [{ via: "10.0.0.1" }] })).toBe("nics.eth0.routes[0].via");
  });

  it("have kernel parameters of their own only", () => {
    expect(eth0({ sysctl: { "net.ipv4.ip_forward": "1" } })).toBe("nics.eth0.sysctl.net.ipv4.ip_forward");
    expect(eth0({ sysctl: { "net/../kernel/IFNAME": "1" } })).toBe("nics.eth0.sysctl.net/../kernel/IFNAME");
  });
});

describe("the plans of equal interfaces", () => {
  const planOf = (nic: Nic) => planNics({ eth0: nic }, NIC_SURROUNDINGS);

  it.each<[string, Nic]>([
    ["a pair", { type: "veth", master: "br0", addresses: ["10.0.0.2/24"] }],
    ["a pair whose other side is set up", { type: "veth", master: "br0", peer: { hairpin: true } }],
    ["a pair with limits", { type: "veth", bandwidth: { ingress: "1mbit", egress: "2mbit" } }],
  ])("are equal: %s", async (_, nic) => {
    expect(isSame(await planOf(nic), await planOf(nic))).toBe(true);
  });

  it("have a name on the host that nobody else can have", () => {
    expect(isInterfaceName(drawnName(0))).toBe(false);
    expect(drawnName(0)).not.toBe(drawnName(1));
    expect(drawnName(999)).toHaveLength(15);
  });
});
