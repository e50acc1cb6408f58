import { describe, expect, it } from "vitest";
import { auditEachTest } from "../support/leaks.ts";
import { inNetwork } from "../support/network.ts";
import type { Failed } from "../support/playground.ts";
import { installed, requires } from "../support/prerequisite.ts";

auditEachTest();

const BRIDGE = `
  ip link add br0 type bridge
  ip addr add 10.7.0.1/24 dev br0
  ip addr add fd07::1/64 dev br0 nodad
  ip link set br0 up
`;

/** Of `ip -j addr`. */
interface Link {
  readonly ifname: string;
  readonly address: string;
  readonly mtu: number;
  readonly txqlen?: number;
  readonly flags: readonly string[];
  readonly master?: string;
  readonly addr_info: readonly { readonly local: string; readonly prefixlen: number; readonly scope: string }[];
}
interface RouteLine {
  readonly dst: string;
  readonly gateway?: string;
  readonly metric?: number;
  readonly prefsrc?: string;
  readonly nexthops?: readonly { readonly gateway: string; readonly dev: string; readonly weight: number }[];
}

describe.runIf(requires("ip", installed("ip"), "it makes the bridges and looks from outside"))("a veth", () => {
  it("on a bridge reaches the host over IPv4 and IPv6, and has what was asked for", async () => {
    const nics = {
      eth0: {
        type: "veth",
        master: "br0",
        mac: "02:00:00:00:00:33",
        mtu: 1400,
        txQueueLength: 77,
        addresses: ["10.7.0.2/24", "10.7.0.3/24", "fd07::2/64"],
        routes: [
          { to: "default", via: "10.7.0.1" },
          { to: "default", via: "fd07::1" },
          { to: "10.99.0.0/16", via: "10.7.0.1", metric: 7, from: "10.7.0.3" },
        ],
        sysctl: { "net.ipv4.conf.IFNAME.rp_filter": "2" },
      },
    };
    const seen = await inNetwork<{
      links: readonly Link[];
      routes: readonly RouteLine[];
      routes6: readonly RouteLine[];
      host: readonly Link[];
      pings: string;
      parameter: string;
    }>(
      BRIDGE,
      `const { links, routes, routes6, pid } = await lookInto(${JSON.stringify({ nics })});
       const host = ipJson("addr show master br0");
       const pings = inside(pid, "ping -c1 -W2 10.7.0.1; ping -c1 -W2 fd07::1; ping -c1 -W2 127.0.0.1");
       const parameter = inside(pid, "cat /proc/sys/net/ipv4/conf/eth0/rp_filter").trim();
       return { links, routes, routes6, host, pings, parameter };`,
    );
    const eth0 = seen.links.find(({ ifname }) => ifname === "eth0");
    expect(eth0).toMatchObject({ address: "02:00:00:00:00:33", mtu: 1400, txqlen: 77 });
    expect(eth0?.flags).toContain("UP");
    const addresses = eth0?.addr_info.filter(({ scope }) => scope === "global").map(({ local }) => local);
    expect(addresses).toEqual(["10.7.0.2", "10.7.0.3", "fd07::2"]);
    expect(seen.links.find(({ ifname }) => ifname === "lo")?.flags).toContain("UP");
    expect(seen.routes).toContainEqual(expect.objectContaining({ dst: "default", gateway: "10.7.0.1" }));
    expect(seen.routes).toContainEqual(
      expect.objectContaining({ dst: "10.99.0.0/16", gateway: "10.7.0.1", metric: 7, prefsrc: "10.7.0.3" }),
    );
    expect(seen.routes6).toContainEqual(expect.objectContaining({ dst: "default", gateway: "fd07::1" }));
    expect(seen.host).toHaveLength(1);
    expect(seen.host[0]?.flags).toContain("UP");
    expect(seen.pings.match(/1 (packets )?received/g)).toHaveLength(3);
    expect(seen.parameter).toBe("2");
  });

  it("has a name on the host that is drawn, also where the other side is spoken of, and that no equal one has", async () => {
    const nic = { type: "veth", master: "br0", peer: { hairpin: true }, bandwidth: { ingress: "9mbit" } };
    const seen = await inNetwork<{ names: readonly string[]; hairpin: readonly boolean[] }>(
      BRIDGE,
      `const both = [await lookInto(${JSON.stringify({ nics: { eth0: nic } })}), await lookInto(${JSON.stringify({ nics: { eth0: nic } })})];
       const ports = ipJson("-d link show master br0");
       const names = ports.map(({ ifname }) => ifname);
       const hairpin = ports.map(({ linkinfo }) => linkinfo.info_slave_data.hairpin);
       for (const one of both) await one.end();
       return { names, hairpin };`,
    );
    expect(seen.names).toEqual([expect.stringMatching(/^ct\d{10}0$/), expect.stringMatching(/^ct\d{10}0$/)]);
    expect(new Set(seen.names).size).toBe(2);
    expect(seen.hairpin).toEqual([true, true]);
  });

  it("has a side on the host that is described as well", async () => {
    const nics = {
      eth0: {
        type: "veth",
        addresses: ["10.8.0.2/30"],
        peer: { name: "out0", mac: "02:00:00:00:00:44", mtu: 1300, addresses: ["10.8.0.1/30"] },
        routes: [
          {
            to: "10.98.0.0/16",
            nexthops: [
              { via: "10.8.0.1", weight: 3 },
              { via: "10.9.0.1", dev: "eth1" },
            ],
          },
        ],
      },
      eth1: { type: "veth", addresses: ["10.9.0.2/30"] },
    };
    const seen = await inNetwork<{ host: readonly Link[]; routes: readonly RouteLine[]; ping: string; after: string }>(
      "",
      `const { routes, pid, end } = await lookInto(${JSON.stringify({ nics })});
       const host = ipJson("addr show out0");
       const ping = inside(pid, "ping -c1 -W2 10.8.0.1");
       await end();
       return { host, routes, ping, after: ip("-o link show") };`,
    );
    expect(seen.host[0]).toMatchObject({ address: "02:00:00:00:00:44", mtu: 1300 });
    expect(seen.ping).toContain("1 received");
    expect(seen.routes.find(({ dst }) => dst === "10.98.0.0/16")?.nexthops).toEqual([
      expect.objectContaining({ gateway: "10.8.0.1", dev: "eth0", weight: 3 }),
      expect.objectContaining({ gateway: "10.9.0.1", dev: "eth1", weight: 1 }),
    ]);
    // A name that others may want next is free at once.
    expect(seen.after).not.toContain("out0");
  });

  it("is a port of its bridge as it is described", async () => {
    const nic = { type: "veth", master: "br0", peer: { name: "out0", hairpin: true, isolated: true } };
    const seen = await inNetwork<readonly Record<string, unknown>[]>(
      BRIDGE,
      `await lookInto({ nics: { eth0: ${JSON.stringify(nic)} } }); return ipJson("link show out0");`,
    );
    expect(seen[0]).toMatchObject({ linkinfo: { info_slave_data: { hairpin: true, isolated: true } } });
  });

  it("does not take the name of an interface of others, nor remove that", async () => {
    const seen = await inNetwork<{ failed: Failed; links: string }>(
      "ip link add out0 type bridge",
      `const failed = await attempt(() => lookInto({ nics: { eth0: { type: "veth", peer: { name: "out0" } } } }));
       return { failed, links: ip("-o link show") };`,
    );
    expect(seen.failed).toMatchObject({ errno: "EEXIST", member: "nics.eth0" });
    expect(seen.links).toContain("out0");
  });

  it("reaches another container on the same bridge", async () => {
    const ping = await inNetwork<string>(
      BRIDGE,
      `const one = await lookInto({ nics: { eth0: { type: "veth", master: "br0", addresses: ["10.7.0.2/24"] } } });
       const two = await lookInto({ nics: { eth0: { type: "veth", master: "br0", addresses: ["10.7.0.3/24"] } } });
       return inside(two.pid, "ping -c1 -W2 10.7.0.2");`,
    );
    expect(ping).toContain("1 received");
  });

  it("goes into a container with a user namespace, too", async () => {
    const ping = await inNetwork<string>(
      BRIDGE,
      `const { pid } = await lookInto({ ...libct.standard({ userNamespace: true }), root,
         nics: { eth0: { type: "veth", master: "br0", addresses: ["10.7.0.2/24"] } } });
       return inside(pid, "ping -c1 -W2 10.7.0.1");`,
    );
    expect(ping).toContain("1 received");
  });

  it("on a bridge that is not there is an error that says so, and leaves nothing", async () => {
    const seen = await inNetwork<{ failed: Failed; links: string }>(
      "",
      `const failed = await attempt(() => lookInto({ nics: { eth0: { type: "veth", master: "br7" } } }));
       return { failed, links: ip("-o link show") };`,
    );
    expect(seen.failed).toMatchObject({ code: "ERR_CT_SYSCALL", errno: "ENODEV", member: "nics.eth0" });
    expect(seen.failed.message).toContain("br7");
    expect(seen.links.trim().split("\n")).toHaveLength(1);
  });

  it("with a gateway that no address reaches is an error in the kernel's words, and leaves nothing", async () => {
    const seen = await inNetwork<{ failed: Failed; links: string }>(
      BRIDGE,
      `const failed = await attempt(() => lookInto({ nics: { eth0: { type: "veth", master: "br0",
         addresses: ["10.7.0.2/24"], routes: [{ to: "default", via: "10.66.0.1" }] } } }));
       return { failed, links: ip("-o link show") };`,
    );
    expect(seen.failed).toMatchObject({ code: "ERR_CT_SYSCALL", errno: "ENETUNREACH", member: "nics.eth0.routes[0]" });
    expect(seen.failed.message).toContain("Nexthop has invalid gateway");
  });
});

interface Detailed extends Link {
  readonly linkinfo?: { readonly info_kind: string; readonly info_data?: Readonly<Record<string, unknown>> };
}

/** What `ip -d -j` says of one interface of a container. */
const one = (nic: object, setUp = BRIDGE) =>
  inNetwork<{ link: Detailed; host: string }>(
    setUp,
    `const { links } = await lookInto({ nics: { eth0: ${JSON.stringify(nic)} } });
     return { link: links.find(({ ifname }) => ifname === "eth0"), host: ip("-o link show") };`,
  );

describe.runIf(requires("ip", installed("ip"), "it looks from outside"))("an interface of its kind", () => {
  const common = { mac: "02:00:00:00:00:55", mtu: 1300, addresses: ["10.7.0.5/24"] };
  const PARENT = "ip link add up0 type veth peer name up1; ip link set up0 up; ip link set up1 up";

  it("is a macvlan or a macvtap on one of the host's", async () => {
    for (const type of ["macvlan", "macvtap"]) {
      const { link } = await one({ type, link: "up0", mode: "private", ...common }, PARENT);
      expect(link).toMatchObject({
        address: common.mac,
        mtu: 1300,
        linkinfo: { info_kind: type, info_data: { mode: "private" } },
      });
      expect(link.flags).toContain("UP");
      expect(link.addr_info[0]?.local).toBe("10.7.0.5");
    }
  });

  it("is a vxlan that sends from the host", async () => {
    const nic = { type: "vxlan", id: 42, remote: "239.1.1.1", link: "up0", local: "10.3.0.1", ttl: 3, ...common };
    const { link } = await one(nic, `${PARENT}; ip addr add 10.3.0.1/24 dev up0`);
    expect(link).toMatchObject({
      address: common.mac,
      linkinfo: {
        info_kind: "vxlan",
        info_data: { id: 42, group: "239.1.1.1", local: "10.3.0.1", port: 4789, ttl: 3 },
      },
    });
  });

  it("is a tap or a tun that stays, with its owner", async () => {
    const tap = await one({ type: "tap", uid: 70007, gid: 70008, ...common });
    expect(tap.link).toMatchObject({
      address: common.mac,
      mtu: 1300,
      linkinfo: { info_kind: "tun", info_data: { type: "tap", user: 70007, group: 70008, persist: true } },
    });
    const tun = await one({ type: "tun", addresses: ["10.7.0.5/24"] });
    expect(tun.link.linkinfo?.info_data).toMatchObject({ type: "tun", persist: true });
    expect(tun.host).not.toContain("eth0");
  });

  it("is a bridge of the container's own", async () => {
    const { link } = await one({ type: "bridge", ...common });
    expect(link).toMatchObject({ address: common.mac, linkinfo: { info_kind: "bridge" } });
  });

  it("that this kernel does not have is an error in its words", async () => {
    const seen = await inNetwork<readonly Failed[]>(
      PARENT,
      `const result = [];
       for (const nic of [{ type: "ipvlan", link: "up0" }, { type: "vlan", link: "up0", id: 5 }, { type: "dummy" }])
         result.push(await attempt(() => lookInto({ nics: { eth0: nic } })).then((one) => one.failed ? one : { kind: one.links[1].linkinfo.info_kind }));
       return result;`,
    );
    for (const [index, kind] of ["ipvlan", "vlan", "dummy"].entries()) {
      const { failed, errno, message } = seen[index] ?? ({} as Failed);
      if (failed) {
        expect(errno).toBe("EOPNOTSUPP");
        expect(message).toContain("Unknown device type");
      } else expect(seen[index]).toEqual({ kind });
    }
  });

  it("on an interface that is not there is an error that says so", async () => {
    const failed = await inNetwork<Failed>(
      "",
      `return await attempt(() => lookInto({ nics: { eth0: { type: "macvlan", link: "none0" } } }));`,
    );
    expect(failed).toMatchObject({ code: "ERR_CT_SYSCALL", errno: "ENODEV", member: "nics.eth0" });
    expect(failed.message).toContain("none0");
  });
});

describe.runIf(requires("ip", installed("ip"), "it looks from outside"))("the loopback", () => {
  it("is up with nothing but nics: {}", async () => {
    const links = await inNetwork<readonly Link[]>("", "return (await lookInto({ nics: {} })).links;");
    expect(links.map(({ ifname }) => ifname)).toEqual(["lo"]);
    expect(links[0]?.flags).toContain("UP");
  });
});
