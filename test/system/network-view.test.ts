import { describe, expect, it } from "vitest";
import type { ContainerNetwork } from "../../src/index.ts";
import { ORDINARY } from "../support/as-user.ts";
import { auditEachTest } from "../support/leaks.ts";
import { inNetwork } from "../support/network.ts";
import { type Failed, inProcess } from "../support/playground.ts";
import { installed, requires } from "../support/prerequisite.ts";
import { busyboxRoot } from "../support/rootfs.ts";

auditEachTest();
const root = busyboxRoot();

interface IpLink {
  readonly ifindex: number;
  readonly ifname: string;
  readonly link_index?: number;
  readonly address?: string;
  readonly mtu: number;
  readonly txqlen?: number;
  readonly flags: readonly string[];
  readonly master?: string;
  readonly linkinfo?: { readonly info_kind?: string };
  readonly addr_info: readonly { readonly local: string; readonly prefixlen: number }[];
}
interface IpRoute {
  readonly dst: string;
  readonly gateway?: string;
  readonly dev?: string;
  readonly prefsrc?: string;
  readonly metric?: number;
  readonly nexthops?: readonly { readonly gateway?: string; readonly dev: string; readonly weight: number }[];
}

/** What `ip -d -j` says, in the terms of libct. */
const interfaceOf = ({ flags, addr_info, linkinfo, ...link }: IpLink) => ({
  index: link.ifindex,
  name: link.ifname,
  kind: linkinfo?.info_kind,
  up: flags.includes("UP"),
  mac: link.address,
  mtu: link.mtu,
  txQueueLength: link.txqlen ?? 0,
  master: link.master,
  link: link.link_index,
  addresses: addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`).sort(),
});
const routeOf = ({ dst, gateway, dev, prefsrc, metric, nexthops }: IpRoute) => ({
  to: dst === "default" || dst.includes("/") ? dst : `${dst}/${dst.includes(":") ? 128 : 32}`,
  via: gateway,
  dev,
  from: prefsrc,
  metric,
  nexthops: nexthops?.map((hop) => ({ via: hop.gateway, dev: hop.dev, weight: hop.weight })),
});
const sorted = (list: readonly object[]) => list.map((one) => JSON.stringify(one)).sort();

describe.runIf(requires("ip", installed("ip"), "it tells what is there"))("container.network()", () => {
  it("says of interfaces, addresses and routes what ip(8) says", async () => {
    const nics = {
      eth0: {
        type: "veth",
        master: "br0",
        mac: "02:00:00:00:00:33",
        mtu: 1400,
        addresses: ["10.7.0.2/24", "fd07::2/64"],
        routes: [
          { to: "default", via: "10.7.0.1", metric: 9 },
          {
            to: "10.99.0.0/16",
            nexthops: [
              { via: "10.7.0.1", weight: 2 },
              { via: "10.8.0.1", dev: "eth1" },
            ],
          },
          { to: "fd09::/64", via: "fd07::1" },
          { to: "10.98.0.1", via: "10.7.0.1", from: "10.7.0.2" },
        ],
      },
      eth1: { type: "veth", addresses: ["10.8.0.2/30"], txQueueLength: 7 },
      br1: { type: "bridge" },
      lo: { type: "loopback", addresses: ["10.66.0.1/32"] },
    };
    const seen = await inNetwork<{
      view: ContainerNetwork;
      links: readonly IpLink[];
      routes: readonly IpRoute[];
      routes6: readonly IpRoute[];
      host: readonly IpLink[];
    }>(
      "ip link add br0 type bridge; ip addr add 10.7.0.1/24 dev br0; ip link set br0 up",
      `const { container, pid } = await lookInto(${JSON.stringify({ nics })});
       const view = await container.network();
       const of = (words) => JSON.parse(inside(pid, "ip -d -j " + words) || "[]");
       return { view, links: of("addr"), routes: of("route"), routes6: of("-6 route"), host: ipJson("addr") };`,
    );
    const interfaces = seen.view.interfaces.map(({ peer: _, ...one }) => ({
      ...one,
      addresses: [...one.addresses].sort(),
    }));
    const plain = (list: readonly object[]) => sorted(JSON.parse(JSON.stringify(list)));
    const ordered = (one: object) => Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)));
    // A link-local address may have come meanwhile.
    const settled = (list: readonly { readonly addresses: readonly string[] }[]) =>
      list.map((one) => ordered({ ...one, addresses: one.addresses.filter((text) => !text.startsWith("fe80")) }));
    expect(plain(settled(interfaces))).toEqual(plain(settled(seen.links.map(interfaceOf))));
    const unlocal = (list: readonly { readonly to: string }[]) =>
      list.filter(({ to }) => !/^(fe80|ff00)/.test(to)).map(ordered);
    expect(plain(unlocal(seen.view.routes))).toEqual(plain(unlocal([...seen.routes, ...seen.routes6].map(routeOf))));
    const { peer } = seen.view.interfaces.find(({ name }) => name === "eth0") ?? {};
    expect(peer).toMatchObject({ kind: "veth", master: "br0", mtu: 1400 });
    expect(seen.host.map(({ ifname }) => ifname)).toContain(peer?.name);
  });

  it("believes no container which interface of the host is the other side of its own", async () => {
    const seen = await inNetwork<{ readonly peers: readonly (string | undefined)[]; readonly own: readonly string[] }>(
      "ip link add br0 type bridge",
      `const one = await lookInto({ nics: { eth0: { type: "veth", peer: { name: "one0" } } } });
       const two = await lookInto({ nics: { eth0: { type: "veth", peer: { name: "two0" } } } });
       const peer = async ({ container }) => (await container.network()).interfaces.find(({ name }) => name === "eth0").peer?.name;
       const own = [await peer(one), await peer(two)];
       // A pair of its own, with the indexes that the other container's has.
       const outside = ipJson("link show two0")[0].ifindex, index = two.links.find(({ ifname }) => ifname === "eth0").ifindex;
       inside(one.pid, "ip link del eth0; ip link add index " + index + " name eth0 type veth peer index " + outside + " name far0");
       return { own, peers: [await peer(one), await peer(two)] };`,
    );
    expect(seen.own).toEqual(["one0", "two0"]);
    // JSON has no undefined in a list.
    expect(seen.peers).toEqual([null, "two0"]);
  });

  it("knows its neighbours, as ip(8) does", async () => {
    interface IpNeighbour {
      readonly dst: string;
      readonly dev: string;
      readonly lladdr?: string;
      readonly state: readonly string[];
    }
    const nics = { eth0: { type: "veth", master: "br0", addresses: ["10.7.0.2/24", "fd07::2/64"] } };
    const seen = await inNetwork<{ view: ContainerNetwork; neighbours: readonly IpNeighbour[] }>(
      "ip link add br0 type bridge; ip addr add 10.7.0.1/24 dev br0; ip link set br0 up",
      `const { container, pid } = await lookInto(${JSON.stringify({ nics })});
       inside(pid, "ping -c1 -W2 10.7.0.1; ip neigh add 10.7.0.77 lladdr 02:00:00:00:00:77 nud permanent dev eth0; ip neigh add fd07::7 lladdr 02:00:00:00:00:07 nud stale dev eth0");
       const view = await container.network();
       return { view, neighbours: JSON.parse(inside(pid, "ip -j neigh")) };`,
    );
    // What is reachable may be stale a moment later.
    const settled = (state = "") => state.toLowerCase().replace(/reachable|delay/, "stale");
    expect(sorted(seen.view.neighbours.map((one) => ({ ...one, state: settled(one.state) })))).toEqual(
      sorted(
        seen.neighbours.map(({ dst, dev, lladdr, state }) => ({
          address: dst,
          dev,
          ...(lladdr === undefined ? {} : { mac: lladdr }),
          state: settled(state[0]),
        })),
      ),
    );
    expect(seen.view.neighbours).toContainEqual({
      address: "10.7.0.77",
      dev: "eth0",
      mac: "02:00:00:00:00:77",
      state: "permanent",
    });
    expect(seen.view.neighbours.length).toBe(3);
  });

  it("is for an ordinary user, too, whose containers have interfaces of their own", async () => {
    const seen = await inProcess<{ network: ContainerNetwork; ping: string }>(
      `await using container = await host.create({ ...libct.standard({ userNamespace: true }), root: "${root}",
         nics: { lo: { type: "loopback", addresses: ["10.66.0.1/32"] },
                 br0: { type: "bridge", addresses: ["10.7.0.1/24"], mtu: 1400, routes: [{ to: "10.9.0.0/16", via: "10.7.0.9" }],
                        sysctl: { "net.ipv4.conf.IFNAME.forwarding": "1" } } } });
       const process = await container.start(["/bin/sh", "-c", "busybox ping -c1 -W2 127.0.0.1; exec sleep 1000"]);
       let ping = "";
       for await (const line of process.stdout.lines()) { ping += line; if (line.includes("packets received")) break; }
       return { network: await container.network(), ping };`,
      { uid: ORDINARY },
    );
    expect(seen.ping).toContain("1 packets received");
    const find = (name: string) => seen.network.interfaces.find((one) => one.name === name);
    expect(find("lo")).toMatchObject({ up: true, addresses: expect.arrayContaining(["10.66.0.1/32"]) });
    expect(find("br0")).toMatchObject({ kind: "bridge", up: true, mtu: 1400 });
    expect(seen.network.routes).toContainEqual(expect.objectContaining({ to: "10.9.0.0/16", via: "10.7.0.9" }));
  });

  it("an ordinary user gets a clear error for what only root may do, and nothing is made", async () => {
    const failed = await inProcess<readonly Failed[]>(
      `const start = (nic) => attempt(async () => {
         await using container = await host.create({ ...libct.standard({ userNamespace: true }), root: "${root}", nics: { eth0: nic } });
         await container.start(["/bin/true"]);
       });
       return [await start({ type: "veth", master: "br0" }), await start({ type: "macvlan", link: "eth0" }), await start({ type: "host", device: "ifb0" })];`,
      { uid: ORDINARY },
    );
    for (const one of failed) expect(one).toMatchObject({ code: "ERR_CT_NOT_PERMITTED", member: "nics.eth0" });
    expect(failed[0]?.message).toContain("only root may make the pair eth0");
  });
});
