import { invalid } from "../errors.ts";
import { contains, formatIp, networkOf, parseIp, parseIpPrefix } from "../linux/index.ts";
import type { Nic, NicRoute } from "./nic-types.ts";
import { isInterfaceName } from "./schema-nics.ts";
import type { ContainerSpec } from "./types.ts";

type Nics = NonNullable<ContainerSpec["nics"]>;

/** What is wrong with interfaces whatever the machine looks like. */
export function checkNics({ nics = {}, netDevices = {} }: ContainerSpec): void {
  const macs = new Map<string, string>();
  for (const [name, nic] of Object.entries(nics)) {
    const member = `nics.${name}`;
    if (!isInterfaceName(name)) throw invalid("nics", name, 'names of interfaces, at most 15 bytes, such as "eth0"');
    if (Object.values(netDevices).some((device) => device.name === name) || name in netDevices)
      throw invalid(member, name, "a name that no interface of netDevices has");
    checkLoopback(member, name, nic);
    checkMac(member, nic, macs);
    checkPeer(member, nic);
    checkAddresses(member, nic);
    nic.routes?.forEach((route, index) => {
      checkRoute(`${member}.routes[${index}]`, route, nics);
    });
    checkSysctls(member, nic);
  }
}

const isLoopback = (nic: Nic) => "type" in nic && nic.type === "loopback";

function checkLoopback(member: string, name: string, nic: Nic): void {
  if (isLoopback(nic) !== (name === "lo"))
    throw invalid(member, name, 'the loopback under the name "lo", and nothing else under that name');
}

/** A port without a bridge, an address without its family. */
function checkPeer(member: string, nic: Nic): void {
  if (!("type" in nic) || nic.type !== "veth") return;
  const { ipv6 = true, addresses = [] } = nic.peer ?? {};
  const six = addresses.findIndex((text) => text.includes(":"));
  if (!ipv6 && six >= 0)
    throw invalid(`${member}.peer.addresses[${six}]`, addresses[six], "none of IPv6, which is off");
  if (nic.master !== undefined) return;
  for (const name of ["hairpin", "isolated"] as const) {
    if (nic.peer?.[name] === undefined) continue;
    throw invalid(`${member}.peer.${name}`, nic.peer[name], "a bridge with it, whose port this is", "add `master`");
  }
}

function checkMac(member: string, nic: Nic, known: Map<string, string>): void {
  const peer = "type" in nic && nic.type === "veth" ? nic.peer?.mac : undefined;
  for (const [where, mac] of [
    [`${member}.mac`, nic.mac],
    [`${member}.peer.mac`, peer],
  ] as const) {
    if (mac === undefined) continue;
    const other = known.get(mac.toLowerCase());
    if (other !== undefined) throw invalid(where, mac, `a MAC address of its own: ${other} has the same`);
    known.set(mac.toLowerCase(), where);
  }
}

function checkAddresses(member: string, nic: Nic): void {
  const known = new Set<string>();
  nic.addresses?.forEach((text, index) => {
    const prefix = parseIpPrefix(text);
    if (!prefix) return;
    const where = `${member}.addresses[${index}]`;
    const plain = formatIp(prefix.address);
    if (known.has(plain)) throw invalid(where, text, "each address once");
    known.add(plain);
    checkUsable(where, text, prefix);
    if (prefix.address.length === 16 && nic.mtu !== undefined && nic.mtu < 1280)
      throw invalid(`${member}.mtu`, nic.mtu, "at least 1280 with an IPv6 address (RFC 8200)");
  });
}

function checkUsable(where: string, text: string, prefix: NonNullable<ReturnType<typeof parseIpPrefix>>): void {
  const [first = 0] = prefix.address;
  const isGroup = prefix.address.length === 4 ? first >= 224 : first === 0xff;
  if (isGroup || prefix.address.every((byte) => byte === 0))
    throw invalid(where, text, "an address that an interface can have");
  // With 31 bits both addresses are usable (RFC 3021), in IPv6 the first one is that of the routers, which any may have.
  if (prefix.address.length === 4 && prefix.length < 31) {
    const network = networkOf(prefix);
    const broadcast = network.map((byte, at) => byte | (0xff >> Math.min(8, Math.max(0, prefix.length - at * 8))));
    const same = (other: Uint8Array) => other.every((byte, at) => byte === prefix.address[at]);
    if (same(network)) throw invalid(where, text, "an address in the network, not that of the network itself");
    if (same(broadcast)) throw invalid(where, text, "an address in the network, not the one for all of it");
  }
}

function checkRoute(member: string, route: NicRoute, nics: Nics): void {
  if (route.via !== undefined && route.nexthops)
    throw invalid(`${member}.via`, route.via, "`via` or `nexthops`, not both");
  const to = route.to === "default" ? undefined : parseIpPrefix(route.to);
  if (to && !networkOf(to).every((byte, index) => byte === to.address[index])) {
    const network = `${formatIp(networkOf(to))}/${to.length}`;
    throw invalid(`${member}.to`, route.to, `the network itself: ${network}`);
  }
  let family = to?.address.length;
  for (const [where, text] of addressesOf(member, route)) {
    const length = parseIp(text)?.length;
    family ??= length;
    if (length !== family) throw invalid(where, text, "an address of the same family as the route's others");
  }
  route.nexthops?.forEach(({ dev }, index) => {
    if (dev !== undefined && !(dev in nics))
      throw invalid(`${member}.nexthops[${index}].dev`, dev, "the name of an interface of the container");
  });
}

function* addressesOf(member: string, { via, from, nexthops = [] }: NicRoute): Iterable<readonly [string, string]> {
  if (via !== undefined) yield [`${member}.via`, via];
  if (from !== undefined) yield [`${member}.from`, from];
  for (const [index, hop] of nexthops.entries())
    if (hop.via !== undefined) yield [`${member}.nexthops[${index}].via`, hop.via];
}

function checkSysctls(member: string, { sysctl = {} }: Nic): void {
  for (const [key, value] of Object.entries(sysctl)) {
    const parts = key.split(key.includes("/") ? "/" : ".");
    const wellFormed = parts.every((part) => part !== "" && part !== "." && part !== "..");
    if (wellFormed && parts[0] === "net" && parts.includes("IFNAME")) continue;
    const expected = "a parameter of this interface, with IFNAME in the place of its name";
    const hint =
      'such as "net.ipv4.conf.IFNAME.rp_filter"; others of the network are members of sysctl of the container';
    throw invalid(`${member}.sysctl.${key}`, value, expected, hint);
  }
}

/** A gateway that no address of the interface reaches is refused by the kernel with no more than an errno; so it is seen before. */
export function reaches(addresses: readonly string[], gateway: string): boolean {
  const ip = parseIp(gateway);
  return (
    ip !== undefined &&
    addresses.some((text) => {
      const prefix = parseIpPrefix(text);
      return prefix !== undefined && contains(prefix, ip);
    })
  );
}
