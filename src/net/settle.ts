import {
  AF,
  addAddress,
  addRoute,
  changeLink,
  IFA_F,
  LOOPBACK_INDEX,
  type NextHop,
  parseIp,
  parseIpPrefix,
  parseMac,
  type Route,
  RT_SCOPE_LINK,
  RT_SCOPE_UNIVERSE,
} from "../linux/index.ts";
import type { NetPlace, NetStep, NetValue, NicCommon, NicNextHop, NicPlan, NicRoute } from "../spec/index.ts";
import { indexOf, request } from "./request.ts";

/** What every interface may have: MAC, MTU, queue length, kernel parameters, addresses, and that it is up. Routes come when all interfaces are there. */
export function settle(name: string, nic: NicCommon, sees: NicPlan["sees"] = []): readonly NetStep[] {
  return [
    ...Object.entries(nic.sysctl ?? {}).map(([key, value]) => setParameter(name, key, value)),
    ...setLink("container", name, nic, sees),
    ...(sees.includes("addresses") ? [] : (nic.addresses ?? [])).map((address) =>
      giveAddress("container", name, address),
    ),
  ];
}

function setParameter(name: string, key: string, value: string): NetStep {
  // A name may have dots.
  const path = (key.includes("/") ? key : key.replaceAll(".", "/")).replaceAll("IFNAME", name);
  return { do: "sysctl", place: "container", key: path, value, why: `set ${key}` };
}

export function setLink(
  place: NetPlace,
  name: string,
  { mac, mtu, txQueueLength, up = true }: Omit<NicCommon, "routes" | "sysctl" | "addresses">,
  sees: NonNullable<NicPlan["sees"]> = [],
): readonly NetStep[] {
  const address = mac === undefined || sees.includes("mac") ? undefined : parseMac(mac);
  const wanted = {
    ...(address ? { mac: address } : {}),
    ...(mtu === undefined || sees.includes("mtu") ? {} : { mtu }),
    ...(txQueueLength === undefined || sees.includes("txQueueLength") ? {} : { txQueueLength }),
    ...(sees.includes("up") || !up ? {} : { up }),
  };
  if (Object.keys(wanted).length === 0) return [];
  return [request(place, changeLink<NetValue>({ index: linkOf(name, place), ...wanted }), `set ${describe(wanted)}`)];
}

const describe = ({ up, ...rest }: { readonly up?: boolean; readonly mac?: unknown; readonly mtu?: number }) =>
  [...Object.keys(rest).map((key) => NAMES[key] ?? key), ...(up ? ["it up"] : [])].join(" and ");
const NAMES: Readonly<Record<string, string>> = {
  mac: "its MAC address",
  mtu: "its MTU",
  txQueueLength: "its queue length",
};

const linkOf = (name: string, place: NetPlace) => (name === "lo" ? LOOPBACK_INDEX : indexOf(name, place));

/** With the address of all in its network, as iproute2's "brd +" does it; IPv6 without a search for duplicates, which would take a second. */
export function giveAddress(place: NetPlace, name: string, text: string): NetStep {
  const prefix = parseIpPrefix(text);
  if (!prefix) throw new RangeError(`no address: ${text}`);
  const ipv6 = prefix.address.length === 16;
  const message = addAddress<NetValue>({
    index: linkOf(name, place),
    family: ipv6 ? AF.INET6 : AF.INET,
    prefixLength: prefix.length,
    scope: RT_SCOPE_UNIVERSE,
    flags: ipv6 ? IFA_F.NODAD : 0,
    local: prefix.address,
    address: prefix.address,
    broadcast: ipv6 || prefix.length > 30 ? undefined : broadcastOf(prefix.address, prefix.length),
    priority: undefined,
  });
  return request(place, message, `give it the address ${text}`);
}

const broadcastOf = (address: Uint8Array, length: number): Uint8Array =>
  address.map((byte, index) => byte | (0xff >> Math.min(8, Math.max(0, length - index * 8))));

/** Up as in a machine, before any route. */
export const raiseLoopback = (): NetStep =>
  request("container", changeLink<NetValue>({ index: LOOPBACK_INDEX, up: true }), "set the loopback up");

export function giveRoutes(
  name: string,
  nic: NicCommon,
  sees: NicPlan["sees"] = [],
): readonly { readonly at: number; readonly step: NetStep }[] {
  return (nic.routes ?? []).flatMap((route, at) => {
    if (route.to === "default" && sees.includes("defaultRoute")) return [];
    return routesOf(name, nic, route).map((one) => ({
      at,
      step: request("container", addRoute<NetValue>(one), `add the route to ${route.to}`),
    }));
  });
}

/** What a route of the specification means to the kernel: "default" without any address is of each family that the interface has addresses of. */
export function routesOf(name: string, nic: NicCommon, route: NicRoute): readonly Route<NetValue>[] {
  const given = route.to === "default" ? undefined : parseIpPrefix(route.to);
  const sample = given?.address ?? firstAddress(route);
  const families = sample ? [sample.length] : [...new Set((nic.addresses ?? []).map(familyLength))];
  return families.map((length) => {
    const hops = route.nexthops?.map((hop) => nextHop(name, hop));
    const gateway = route.via === undefined ? undefined : parseIp(route.via);
    const from = route.from === undefined ? undefined : parseIp(route.from);
    return {
      family: length === 16 ? AF.INET6 : AF.INET,
      ...(given ? { to: given.address } : {}),
      prefixLength: given?.length ?? 0,
      ...(gateway ? { via: gateway } : {}),
      ...(hops ? { nexthops: hops } : { index: linkOf(name, "container") }),
      ...(from ? { from } : {}),
      ...(route.metric === undefined ? {} : { metric: route.metric }),
      ...(route.mtu === undefined ? {} : { mtu: route.mtu }),
      ...(route.table === undefined ? {} : { table: route.table }),
      ...(route.onlink ? { onlink: true } : {}),
      // Without a gateway what it leads to is on the link; IPv6 has no such scopes.
      scope: gateway || hops || length === 16 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
    };
  });
}

const familyLength = (text: string): number => parseIpPrefix(text)?.address.length ?? 4;

function firstAddress({ via, from, nexthops = [] }: NicRoute): Uint8Array | undefined {
  const text = via ?? from ?? nexthops.find((hop) => hop.via !== undefined)?.via;
  return text === undefined ? undefined : parseIp(text);
}

function nextHop(name: string, { via, dev = name, weight }: NicNextHop): NextHop<NetValue> {
  const gateway = via === undefined ? undefined : parseIp(via);
  return {
    ...(gateway ? { via: gateway } : {}),
    index: linkOf(dev, "container"),
    ...(weight === undefined ? {} : { weight }),
  };
}
