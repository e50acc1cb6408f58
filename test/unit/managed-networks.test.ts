import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LibctError } from "../../src/errors.ts";
import { formatIp, parseIp } from "../../src/linux/index.ts";
import { decodeObjects } from "../../src/linux/nftables/index.ts";
import {
  chooseLease,
  emptyHosts,
  hostResolvConf,
  hostsEntries,
  joinNetworks,
  leaseCount,
  leasedAddresses,
  leaseOf,
  leasesWithPlace,
  listNetworks,
  lockedBytes,
  MOST_PORTS,
  MOST_RECENT_LEASES,
  makeNetwork,
  type Network,
  type NetworkOptions,
  nameInLocks,
  namesIn,
  networkPlaces,
  nothingTried,
  PLACE,
  parseIpv4Routes,
  parseIpv6Routes,
  placeContent,
  planNetwork,
  promiseLease,
  publishBatch,
  publishPorts,
  recognizeBridge,
  resolvConf,
  singlePorts,
  type Taken,
  withdrawBatch,
  writeNetwork,
} from "../../src/net/index.ts";
import { nameMounts } from "../../src/net/managed/names.ts";
import type { NetStep, PublishedPort } from "../../src/spec/index.ts";
import { temporaryDirectory } from "../support/rootfs.ts";

const NOTHING: Taken = { networks: [], routes: [], links: [] };
const plan = (options: Partial<NetworkOptions> = {}, taken: Partial<Taken> = {}) =>
  planNetwork({ name: "web", ...options }, { ...NOTHING, ...taken }, () => 0.5);
const failure = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof LibctError) return error.message;
    throw error;
  }
  throw new Error("nothing was refused");
};
const ip = (text: string) => {
  const bytes = parseIp(text);
  if (!bytes) throw new Error(text);
  return bytes;
};

describe("a network that is planned", () => {
  it("gets the first free subnet, and a bridge with its name", () => {
    expect(plan()).toMatchObject({
      bridge: "ct-web",
      subnets: [{ subnet: "10.201.0.0/24", gateway: "10.201.0.1" }],
      internal: false,
      masquerade: true,
    });
  });

  it("keeps clear of other networks and of the host's routes", () => {
    const route = { to: { address: ip("10.201.1.128"), length: 25 }, device: "eth0" };
    const subnets = plan({}, { networks: [plan({ name: "other" })], routes: [route] }).subnets;
    expect(subnets[0]?.subnet).toBe("10.201.2.0/24");
  });

  it("does not mind the default route", () => {
    const route = { to: { address: ip("0.0.0.0"), length: 0 }, device: "eth0" };
    expect(plan({}, { routes: [route] }).subnets[0]?.subnet).toBe("10.201.0.0/24");
  });

  it("gets a subnet of unique local addresses for IPv6", () => {
    const [, six] = plan({ ipv6: true }).subnets;
    expect(six).toEqual({ subnet: "fd80:8000:8000:1::/64", gateway: "fd80:8000:8000:1::1" });
  });

  it("has the subnet and gateway that are asked for", () => {
    const subnets = [{ subnet: "10.9.0.0/16", gateway: "10.9.255.1" }, { subnet: "fd09::/64" }];
    expect(plan({ subnets }).subnets).toEqual([subnets[0], { subnet: "fd09::/64", gateway: "fd09::1" }]);
  });

  it("has another bridge's name when its own is taken, or does not fit", () => {
    expect(plan({}, { links: ["ct-web"] }).bridge).toBe("ct-web-1");
    expect(plan({ name: "a-network-with-a-long-name" }).bridge).toBe("ct-a-network-wi");
    const taken = { networks: [plan({ name: "a-network-with-a-long-name" })], routes: [], links: [] };
    expect(planNetwork({ name: "a-network-with-b" }, taken, Math.random).bridge).toBe("ct-a-network--1");
  });

  it.each<[string, Partial<NetworkOptions>, RegExp]>([
    ["a name with a slash", { name: "a/b" }, /a network's name.*\(name\)/],
    ["a name that is too long", { name: "a".repeat(300) }, /at most 63.*\(name\)/],
    ["a name that means something else", { name: "host" }, /another name than none, host/],
    ["a subnet with bits behind its length", { subnets: [{ subnet: "10.9.0.1/24" }] }, /subnets\[0\]\.subnet/],
    ["a subnet without room", { subnets: [{ subnet: "10.9.0.0/31" }] }, /at least 4 addresses/],
    [
      "a gateway outside",
      { subnets: [{ subnet: "10.9.0.0/24", gateway: "10.8.0.1" }] },
      /an address of 10\.9\.0\.0\/24/,
    ],
    ["the broadcast address as gateway", { subnets: [{ subnet: "10.9.0.0/24", gateway: "10.9.0.255" }] }, /gateway/],
    ["two subnets for IPv4", { subnets: [{ subnet: "10.9.0.0/24" }, { subnet: "10.8.0.0/24" }] }, /at most one subnet/],
    ["an MTU out of range", { mtu: 12 }, /from 68 to 65535.*\(mtu\)/],
    ["a bridge's name that is too long", { bridge: "a-name-of-16-byt" }, /at most 15 bytes.*\(bridge\)/],
    ["masquerading of what never leaves", { internal: true, masquerade: true }, /internal/],
  ])("refuses %s", (_, options, message) => {
    expect(failure(() => plan(options))).toMatch(message);
  });

  it("refuses what is taken, and says by whom", () => {
    const networks = [plan({ name: "other" })];
    const subnets = [{ subnet: "10.201.0.0/16" }];
    expect(failure(() => plan({ subnets }, { networks }))).toMatch(/shares no address with the network other/);
    const routes = [{ to: { address: ip("10.9.0.0"), length: 24 }, device: "wg0" }];
    expect(failure(() => plan({ subnets: [{ subnet: "10.9.0.0/25" }] }, { routes }))).toMatch(/10\.9\.0\.0\/24 by wg0/);
    expect(failure(() => plan({ name: "other" }, { networks }))).toMatch(/there is a network named other already/);
    expect(failure(() => plan({ bridge: "eth0" }, { links: ["eth0"] }))).toMatch(/no other interface/);
  });
});

describe("the host's routes", () => {
  it("are read as the kernel writes them", () => {
    const text = [
      "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
      "eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0",
      "eth0\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0",
      "",
    ].join("\n");
    const found = parseIpv4Routes(text).map(({ to, device }) => `${formatIp(to.address)}/${to.length} ${device}`);
    expect(found).toEqual(["0.0.0.0/0 eth0", "192.168.0.0/24 eth0"]);
  });

  it("of IPv6, too", () => {
    const zero = "0".repeat(32);
    const line = `fd000000000000000000000000000000 40 ${zero} 00 ${zero} 00000100 00000001 00000000 00000001    br0`;
    const [route] = parseIpv6Routes(`${line}\n`);
    expect(route && `${formatIp(route.to.address)}/${route.to.length} ${route.device}`).toBe("fd00::/64 br0");
  });
});

describe("leases", () => {
  const network = plan({ subnets: [{ subnet: "10.9.0.0/29" }, { subnet: "fd09::/64" }] });

  it("are the same number in both subnets", () => {
    expect(leasedAddresses(network, 5)).toEqual(["10.9.0.5/29", "fd09::5/64"]);
    expect(leaseOf(network, "10.9.0.5", "a")).toBe(5);
    expect(leaseOf(network, "fd09::5", "a")).toBe(5);
    expect(leaseCount(network)).toBe(7);
  });

  it("are given to as many as there are addresses, each once", () => {
    const taken = new Set<number>();
    for (let count = 0; count < 5; count++) taken.add(chooseLease(network, 3, 4, taken));
    expect([...taken].sort()).toEqual([2, 3, 4, 5, 6]);
    expect(failure(() => chooseLease(network, 3, 4, taken))).toMatch(/all 5 addresses of the network web are in use/);
  });

  it("lie in the subnet, never on an address of the network's own", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 8, max: 29 }),
        fc.nat(),
        fc.integer({ min: 1, max: 5000 }),
        (length, start, window) => {
          const one = plan({ subnets: [{ subnet: `10.0.0.0/${length}`, gateway: "10.0.0.3" }] });
          const lease = chooseLease(one, start, window, new Set());
          const [address = ""] = leasedAddresses(one, lease);
          expect(["10.0.0.0", "10.0.0.3"]).not.toContain(address.split("/")[0]);
          expect(leaseOf(one, address.split("/")[0] ?? "", "a")).toBe(lease);
        },
      ),
    );
  });

  it.each([
    ["10.9.0.9", /an address of 10\.9\.0\.0\/29 and fd09::\/64, which the network web has \(a\)/],
    ["10.9.0.1", /the network's own/],
    ["10.9.0.0", /the network's own/],
    ["10.9.0.7", /that every subnet/],
    ["fd09::7", /that every subnet/],
    ["web", /an address such as/],
  ])("refuse the address %s", (address, message) => {
    expect(failure(() => leaseOf(network, address, "a"))).toMatch(message);
  });

  it("that somebody holds are known by the kernel's list of locks", () => {
    const locks = [
      "1: OFDLCK ADVISORY  WRITE -1 08:02:1234 5 5",
      "2: POSIX  ADVISORY  WRITE 77 08:02:1234 7 8",
      "3: FLOCK  ADVISORY  WRITE 77 08:02:1234 0 EOF",
      "4: OFDLCK ADVISORY  READ  -1 08:02:1234 9 9",
      "5: OFDLCK ADVISORY  WRITE -1 08:02:12345 6 6",
      "5: -> OFDLCK ADVISORY  WRITE -1 08:02:1234 5 5",
    ].join("\n");
    expect([...lockedBytes(locks, ":1234")]).toEqual([5, 7, 8]);
    // The same number on another filesystem is another file.
    expect([...lockedBytes(locks, " 08:02:1234")]).toEqual([5, 7, 8]);
    expect([...lockedBytes(locks, " 00:1a:1234")]).toEqual([]);
    expect(nameInLocks("/proc/self/status")).toMatch(/^ [\da-f]{2}:[\da-f]{2}:\d+$/);
  });
});

describe("a network that is made", () => {
  it("knows its bridge from one of the same name that another state directory has", () => {
    const recognized = (one: Network) => makeNetwork(one, false).findIndex(({ do: what }) => what === "recognize");
    const [one, other] = [plan(), { ...plan(), created: 1 }];
    expect(recognizeBridge(one)).not.toEqual(recognizeBridge(other));
    // Before anything is done to it.
    expect(recognized(one)).toBe(0);
  });

  it("tells the rules again of the others that are there when it makes the table anew", () => {
    const [gone, there] = [plan({ name: "gone" }), plan({ name: "there", bridge: "lo" })];
    const told = (all: boolean) => makeNetwork(plan(), all, () => [gone, there]).map(({ why }) => why);
    expect(told(true)).toContain("tell the rules of the network there");
    expect(told(true)).not.toContain("tell the rules of the network gone");
    expect(told(false)).not.toContain("tell the rules of the network there");
  });

  it("lets packets for 127.0.0.0/8 in only when a port is published", () => {
    const keys = (steps: readonly NetStep[]) => steps.flatMap((step) => (step.do === "sysctl" ? step.key : []));
    const joined = { nic: "eth0", network: plan(), directory: "/d", lease: 5, addresses: ["10.201.0.5/24"] };
    expect(keys(makeNetwork(plan(), true)).join()).not.toContain("route_localnet");
    const published = publishPorts([{ containerPort: 80, hostPort: 8080 }], joined).flatMap(({ setUp }) => setUp);
    expect(keys(published)).toEqual(["net/ipv4/conf/ct-web/route_localnet"]);
  });
});

describe("published ports", () => {
  const addresses = [ip("10.9.0.2"), ip("fd09::2")];
  const single = (ports: readonly PublishedPort[]) => singlePorts(ports, addresses, () => 40000);

  it("are one for each address of the container and each port of a range", () => {
    const all = single([{ containerPort: 80, hostPort: 8080, range: 2 }]);
    expect(all.map(({ hostPort, containerPort, to }) => [hostPort, containerPort, to.length])).toEqual([
      [8080, 80, 4],
      [8081, 81, 4],
      [8080, 80, 16],
      [8081, 81, 16],
    ]);
  });

  it("of one address are those of its version of IP", () => {
    expect(single([{ containerPort: 80, hostIP: "127.0.0.1" }]).map(({ to }) => to.length)).toEqual([4]);
    expect(single([{ containerPort: 80, hostIP: "0.0.0.0" }])[0]?.address).toBeUndefined();
    const onlyFour = () => singlePorts([{ containerPort: 80, hostIP: "::1" }], [ip("10.9.0.2")], () => 1);
    expect(failure(onlyFour)).toMatch(/a version of IP.*ports\[0\]\.hostIP/);
    expect(failure(() => single([{ containerPort: 80, hostIP: "::1" }]))).toMatch(/leave the loopback.*ports\[0\]/);
  });

  it("are refused when they are the same, or too many", () => {
    const twice = [
      { containerPort: 80, hostPort: 8080 },
      { containerPort: 81, hostPort: 8079, range: 2 },
    ];
    expect(failure(() => single(twice))).toMatch(/"8080\/tcp": expected each port of the host only once/);
    expect(
      single([
        { containerPort: 80, hostPort: 1 },
        { containerPort: 80, hostPort: 1, protocol: "udp" },
      ]),
    ).toHaveLength(4);
    expect(failure(() => single([{ containerPort: 1, hostPort: 1, range: MOST_PORTS }]))).toMatch(/at most 500/);
  });

  it("are published by one element each, and taken away by the same ones whether they are there or not", () => {
    const ports = single([
      { containerPort: 80, hostPort: 8080 },
      { containerPort: 53, hostIP: "10.1.1.1", protocol: "udp" },
    ]);
    const published = decodeObjects(publishBatch(ports)).flatMap((one) => (one.kind === "elements" ? [one] : []));
    expect(published.map(({ set, elements }) => [set, elements?.length])).toEqual([
      ["ports4", 1],
      ["ports6", 1],
      ["at4", 1],
    ]);
    expect(published[2]?.elements?.[0]?.key?.value).toEqual(
      Uint8Array.of(10, 1, 1, 1, 17, 0, 0, 0, 40000 >> 8, 40000 & 0xff, 0, 0),
    );
    const withdrawn = decodeObjects(withdrawBatch(ports)).map(({ verb }) => verb);
    expect(withdrawn).toEqual(["add", "add", "add", "delete", "delete", "delete"]);
  });

  it("fit into a transaction as many as are allowed", () => {
    const ports = singlePorts([{ containerPort: 1, hostPort: 1, range: MOST_PORTS }], [ip("10.9.0.2")], () => 1);
    expect(withdrawBatch(ports).length).toBeLessThan(200_000);
  });
});

describe("the hosts file of a network", () => {
  it("has a place of the same size for everybody, and lines for nobody but the host at first", () => {
    const empty = emptyHosts(["10.9.0.1", "fd09::1"]);
    expect(empty.length % PLACE).toBe(0);
    expect(hostsEntries(empty)).toEqual([
      "127.0.0.1\tlocalhost",
      "::1\tlocalhost ip6-localhost ip6-loopback",
      "10.9.0.1\thost.libct.internal",
      "fd09::1\thost.libct.internal",
    ]);
  });

  it("has a line for each address of a container, in its place", () => {
    const place = placeContent(["10.9.0.2", "fd09::2"], ["web", "www", "web"], "a");
    expect(place).toHaveLength(PLACE);
    expect(place.endsWith("\n")).toBe(true);
    expect(hostsEntries(place)).toEqual(["10.9.0.2\tweb www", "fd09::2\tweb www"]);
  });

  it("tells of a container without a name that its place is taken, and nothing else", () => {
    const place = placeContent(["10.9.0.2"], [], "a");
    expect(place).toHaveLength(PLACE);
    expect(hostsEntries(place)).toEqual([]);
    const empty = emptyHosts([]);
    expect(leasesWithPlace(empty + place)).toEqual([empty.length / PLACE]);
  });

  it("has no hostname that is none of a host, by which it could tell others of whom it likes", () => {
    const names = (hostname: string) =>
      namesIn({ hostname, nics: { eth0: { type: "network", network: "web" } } }, "one", "eth0");
    expect(names("web")).toEqual(["one", "web"]);
    for (const other of ["x\n10.201.0.1\tdb", "x 10.201.0.1", "ä".repeat(32), "#", ""])
      expect(names(other)).toEqual(["one"]);
  });

  it("counts bytes", () => {
    expect(Buffer.byteLength(placeContent(["10.9.0.2"], ["ä".repeat(40)], "a"))).toBe(PLACE);
    expect(failure(() => placeContent(["10.9.0.2"], ["ä".repeat(125)], "a"))).toMatch(/names that are shorter/);
  });

  it("takes no more than fits", () => {
    expect(failure(() => placeContent(["10.9.0.2"], ["x".repeat(300)], "a"))).toMatch(/names that are shorter.*\(a\)/);
  });
});

describe("resolv.conf of a container", () => {
  const host = "# by hand\nsearch example.org\nnameserver 127.0.0.53\nnameserver 10.0.0.53\noptions edns0\n";

  it("has the host's resolvers but for those on its loopback", () => {
    expect(resolvConf({}, host)).toBe("search example.org\nnameserver 10.0.0.53\noptions edns0\n");
  });

  it("has what is asked for instead", () => {
    const dns = { servers: ["10.1.1.1"], search: [], options: ["ndots:2"] };
    expect(resolvConf(dns, host)).toBe("nameserver 10.1.1.1\noptions ndots:2\n");
  });

  it("comes from systemd-resolved where the host's own has nothing but its loopback", () => {
    expect(hostResolvConf("nameserver 127.0.0.53\n", "nameserver 10.2.2.2\n")).toBe("nameserver 10.2.2.2\n");
    expect(hostResolvConf(host, "nameserver 10.2.2.2\n")).toBe(host);
    expect(hostResolvConf("nameserver 127.0.0.1\n", undefined)).toBe("nameserver 127.0.0.1\n");
  });
});

describe("the directory that networks are written down in", () => {
  it("lies in one that is for nobody else, since images may come there", () => {
    const directory = temporaryDirectory();
    writeNetwork(`${directory}/data/networks`, plan());
    expect(statSync(`${directory}/data`).mode & 0o777).toBe(0o700);
    expect(statSync(`${directory}/data/networks`).mode & 0o777).toBe(0o755);
  });
});

describe("the address of a container without a name", () => {
  const nics = { eth0: { type: "network", network: "web" } } as const;
  const places = () => {
    const directory = temporaryDirectory();
    writeNetwork(`${directory}/networks`, plan());
    return { networks: `${directory}/networks`, running: `${directory}/running` };
  };
  const join = (at: ReturnType<typeof places>, name = "") => {
    const [joined] = joinNetworks({ nics }, name, at, nothingTried());
    if (!joined) throw new Error("it has joined nothing");
    return joined;
  };

  it("is one that others from here had, in turns, as long as nobody has it", () => {
    const at = places();
    const use = () => {
      const { directory, lease } = join(at);
      return { directory, lease, whenMade: promiseLease(directory, lease) };
    };
    const first = Array.from({ length: MOST_RECENT_LEASES * 5 }, use);
    for (const { whenMade } of first) whenMade();
    const turn = Array.from({ length: MOST_RECENT_LEASES }, use);
    for (const { whenMade } of turn) whenMade();
    const leases = turn.map(({ lease }) => lease);
    expect(new Set(leases).size).toBe(MOST_RECENT_LEASES);
    expect(leases.map(() => use().lease)).toEqual(leases);
  });

  it("is none that somebody has", () => {
    const at = places();
    const { directory } = join(at);
    const leases = Array.from({ length: MOST_RECENT_LEASES }, (_, index) => 10 + index);
    for (const lease of leases) promiseLease(directory, lease)();
    expect(join(at).lease).toBe(10);
    const hosts = `${directory}/hosts`;
    const content = readFileSync(hosts, "utf8");
    const line = placeContent(["10.201.0.10"], ["other"], "x");
    writeFileSync(hosts, content.slice(0, 10 * PLACE) + line + content.slice(11 * PLACE));
    expect(join(at).lease).toBe(11);
  });

  it("is never one that a smaller network of the same name does not have", () => {
    const at = places();
    const { directory } = join(at);
    for (let lease = 20; lease < 20 + MOST_RECENT_LEASES; lease++) promiseLease(directory, lease)();
    rmSync(`${at.networks}/web.json`);
    writeNetwork(at.networks, plan({ subnets: [{ subnet: "10.9.0.0/29" }] }));
    expect(join(at).lease).toBeLessThan(7);
  });
});

describe("a file that containers share", () => {
  it("is made anew when it has another content than its name says", () => {
    const at = { networks: temporaryDirectory(), running: temporaryDirectory() };
    const spec = { root: "/x", namespaces: ["mount"], hosts: { db: "10.0.0.1" } } as const;
    const hosts = () =>
      nameMounts(spec, "one", [], at).find(({ destination }) => destination === "/etc/hosts")?.source ?? "";
    const path = hosts();
    const content = readFileSync(path, "utf8");
    writeFileSync(path, "10.0.0.66\tdb\n");
    expect(hosts()).toBe(path);
    expect(readFileSync(path, "utf8")).toBe(content);
  });
});

describe("where networks are", () => {
  const own = () => {
    const directory = temporaryDirectory();
    chmodSync(directory, 0o700);
    return directory;
  };
  const me = process.geteuid?.() ?? 0;
  const SOMEBODY = me + 4242;

  it("is the user's runtime directory when it is his and nobody else can change it", () => {
    const directory = own();
    const running = () => networkPlaces(SOMEBODY, undefined, { XDG_RUNTIME_DIR: directory, HOME: "/home/x" }).running;
    expect(running()).toBe(`${directory}/libct/networks`);
    chmodSync(directory, 0o777);
    expect(running()).toBe(`/tmp/libct-${SOMEBODY}/networks`);
    expect(networkPlaces(SOMEBODY, undefined, { XDG_RUNTIME_DIR: `${directory}/none` }).running).toMatch(/^.tmp.libct/);
  });

  it("is no state directory that others can change", () => {
    const directory = own();
    expect(networkPlaces(me, directory).networks).toBe(`${directory}/networks`);
    expect(failure(() => networkPlaces(SOMEBODY, directory))).toMatch(/can be changed by others/);
    chmodSync(directory, 0o722);
    expect(failure(() => networkPlaces(me, directory))).toMatch(/can be changed by others/);
  });

  it("has only files that tell of the network that they are named after, with a bridge that may be one", () => {
    const directory = own();
    const found = (more: object) => {
      writeFileSync(`${directory}/web.json`, JSON.stringify({ ...plan(), ...more }));
      return listNetworks(directory).map((one) => one instanceof LibctError);
    };
    expect(found({})).toEqual([false]);
    expect(found({ name: "../../victim" })).toEqual([true]);
    expect(found({ name: "other" })).toEqual([true]);
    expect(found({ bridge: "../eth0" })).toEqual([true]);
  });
});
