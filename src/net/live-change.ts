import {
  AF,
  addRoute,
  changeLink,
  deleteAddress,
  deleteRoute,
  E,
  formatIp,
  formatMac,
  type LinkInfo,
  LOOPBACK_INDEX,
  NLM_F,
  NLMSG_FLAGS,
  parseIpPrefix,
  type Route,
  type RouteInfo,
  RT_TABLE_MAIN,
  viewOf,
} from "../linux/index.ts";
import type { NetStep, NetValue, NicCommon } from "../spec/index.ts";
import type { UndoableStep } from "./live-attach.ts";
import { type BandwidthLimits, changeBandwidth } from "./live-bandwidth.ts";
import { addressesOf, addressText, isUp, linkNamed, routesOfLink } from "./live-state.ts";
import type { NetworkState } from "./network-state.ts";
import { indexOf, request } from "./request.ts";
import { giveAddress, routesOf, setLink } from "./settle.ts";

/** What of an interface can be changed while it is there. What is not named stays as it is; of addresses and of routes all are named that are wanted. */
export type NicChange = Pick<NicCommon, "mac" | "mtu" | "txQueueLength" | "up" | "addresses" | "routes" | "bandwidth">;

/** `host`: the links of the host whose other side is in the container's namespace, which the kernel has said (peersIn). `limits`: those that are there. */
export function planChange(
  name: string,
  change: NicChange,
  state: NetworkState,
  host: readonly LinkInfo[] = [],
  limits: BandwidthLimits = { host: [], container: [] },
): readonly UndoableStep[] {
  const link = linkNamed(name, state);
  const outside = outsideOf(link, host);
  return [
    ...changeRest(name, change, link, state),
    ...(change.bandwidth ? changeBandwidth(name, change.bandwidth, { link, outside }, limits) : []),
  ];
}

/** The other side of a pair says that this is its other side. */
const outsideOf = (link: LinkInfo, host: readonly LinkInfo[]): LinkInfo | undefined =>
  link.kind === "veth"
    ? host.find((one) => one.kind === "veth" && one.index === link.link && one.link === link.index)
    : undefined;

function changeRest(name: string, change: NicChange, link: LinkInfo, state: NetworkState): readonly UndoableStep[] {
  const settings = changeSettings(name, change, link);
  const network = changeNetwork(name, change, link, state);
  if (change.up === undefined || change.up === isUp(link)) return [...settings, ...network];
  const member = `nics.${name}.up`;
  // What is set down loses its routes, and addresses of IPv6.
  if (change.up) return [...settings, { member, step: raise(name, true), undo: [raise(name, false)] }, ...network];
  return [
    ...settings,
    ...network,
    { member, step: raise(name, false), undo: [raise(name, true), ...restore(name, link, state)] },
  ];
}

/** One at a time, so that each can be taken back. */
function changeSettings(name: string, change: NicChange, link: LinkInfo): readonly UndoableStep[] {
  const old = { mac: link.mac && formatMac(link.mac), mtu: link.mtu, txQueueLength: link.txQueueLength };
  return (["mac", "mtu", "txQueueLength"] as const).flatMap((key): UndoableStep[] => {
    const wanted = key === "mac" ? change.mac?.toLowerCase() : change[key];
    if (wanted === undefined || wanted === old[key]) return [];
    const [step] = setLink("container", name, { [key]: wanted }, ["up"]);
    const undo = old[key] === undefined ? [] : setLink("container", name, { [key]: old[key] }, ["up"]);
    return step ? [{ member: `nics.${name}.${key}`, step, undo }] : [];
  });
}

function raise(name: string, up: boolean): NetStep {
  const index = name === "lo" ? LOOPBACK_INDEX : indexOf(name, "container");
  return request("container", changeLink<NetValue>({ index, up }), `set it ${up ? "up" : "down"}`);
}

/**
 * Addresses and routes. With the first address of a network the kernel takes the others of it away, and routes that need them (ip-sysctl.rst,
 * promote_secondaries): so what is wanted is made sure of afterwards, whether it was there or not.
 */
function changeNetwork(name: string, change: NicChange, link: LinkInfo, state: NetworkState): readonly UndoableStep[] {
  if (!change.addresses && !change.routes) return [];
  const had = addressesOf(state, link).map(addressText);
  const wanted = change.addresses ?? had;
  const member = `nics.${name}.addresses`;
  const gone = had.filter((text) => !wanted.includes(text));
  const old = routesOfLink(state, link);
  const routes = change.routes?.flatMap((route) => routesOf(name, { ...change, addresses: wanted }, route));
  const keys = new Set(routes?.map(routeKey));
  const goneRoutes = routes ? old.filter((route) => !keys.has(routeKey(route))) : [];
  const steps: UndoableStep[] = [
    ...goneRoutes.map((route) => ({ member: `nics.${name}.routes`, step: takeRoute(route) })),
    ...gone.map((text) => ({ member, step: takeAddress(name, text) })),
    ...wanted.map((text, at): UndoableStep => {
      const step = ensure(giveAddress("container", name, text));
      return { member: `${member}[${at}]`, step, ...(had.includes(text) ? {} : { undo: [takeAddress(name, text)] }) };
    }),
    ...(routes ?? old.map(asGiven)).map((route, at): UndoableStep => {
      const isNew = routes && !old.some((one) => routeKey(one) === routeKey(route));
      const undo = isNew ? { undo: [request("container", deleteRoute<NetValue>(route), "remove it", [E.ESRCH])] } : {};
      return { member: `nics.${name}.routes[${at}]`, step: makeRoute(route), ...undo };
    }),
  ];
  const [first, ...rest] = steps;
  if (!first) return [];
  // Undone last of all: everything that was there is there again.
  return [{ ...first, undo: [...(first.undo ?? []), ...restore(name, link, state)] }, ...rest];
}

const restore = (name: string, link: LinkInfo, state: NetworkState): readonly NetStep[] => [
  ...addressesOf(state, link).map((one) => ensure(giveAddress("container", name, addressText(one)))),
  ...routesOfLink(state, link).map((route) => makeRoute(asGiven(route))),
];

/** Makes what is not there, and leaves what is. */
function ensure(step: NetStep): NetStep {
  if (step.do !== "request") throw new RangeError("only requests can be repeated");
  const message = step.message.slice();
  viewOf(message).setUint16(NLMSG_FLAGS, NLM_F.REQUEST | NLM_F.ACK | NLM_F.CREATE | NLM_F.REPLACE, true);
  return { ...step, message };
}

const makeRoute = (route: Route<NetValue>): NetStep =>
  ensure(request("container", addRoute<NetValue>(route), `add the route to ${routeText(route)}`));

const takeRoute = (route: RouteInfo): NetStep =>
  request("container", deleteRoute<NetValue>(asGiven(route)), `remove the route to ${routeText(route)}`, [E.ESRCH]);

/** A route has either an interface or several ways. */
function asGiven({ index, nexthops, ...route }: RouteInfo): Route<NetValue> {
  return nexthops.length > 0 ? { ...route, nexthops } : { ...route, ...(index === undefined ? {} : { index }) };
}

const routeText = ({ to, prefixLength }: Pick<Route, "to" | "prefixLength">) =>
  to ? `${formatIp(to)}/${prefixLength}` : "default";

/** The kernel knows a route by these; of IPv6 the metric is 1024 when nobody says another. */
const routeKey = (route: Pick<Route, "family" | "to" | "prefixLength" | "via" | "metric" | "table">): string =>
  [
    route.family,
    routeText(route),
    route.via ? formatIp(route.via) : "",
    route.metric ?? (route.family === AF.INET6 ? 1024 : 0),
    route.table ?? RT_TABLE_MAIN,
  ].join(" ");

function takeAddress(name: string, text: string): NetStep {
  const prefix = parseIpPrefix(text);
  if (!prefix) throw new RangeError(`no address: ${text}`);
  const message = deleteAddress<NetValue>({
    index: name === "lo" ? LOOPBACK_INDEX : indexOf(name, "container"),
    family: prefix.address.length === 16 ? AF.INET6 : AF.INET,
    prefixLength: prefix.length,
    scope: 0,
    flags: 0,
    local: prefix.address,
    address: undefined,
    broadcast: undefined,
    priority: undefined,
  });
  return request("container", message, `take the address ${text}`, [E.EADDRNOTAVAIL]);
}
