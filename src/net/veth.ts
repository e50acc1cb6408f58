import { attribute, changeLink, createLink, deleteLink, E, innerLink } from "../linux/index.ts";
import type { NetStep, NetValue, NicContext, NicDriver, NicPeer, NicPlan, VethNic } from "../spec/index.ts";
import { bornWith } from "./born.ts";
import { hasIpv6 } from "./ipv6.ts";
import { indexOf, namespaceOf, request } from "./request.ts";
import { giveAddress } from "./settle.ts";

/** linux/veth.h */
const VETH_INFO_PEER = 1;
/** linux/if_link.h; the mode of a port is whether packets may leave it where they came in. */
const IFLA_BRPORT = { MODE: 4, ISOLATED: 33 } as const;

/** Both sides by one message: the container's is born in its namespace, with its name; the host's belongs to its bridge. When the namespace goes, so do both. */
export function veth({ master, peer = {} }: VethNic): NicDriver {
  return { type: "veth", plan: (context) => plan(context, master, peer) };
}

function plan({ name, nic, drawnName, restarts }: NicContext, master: string | undefined, peer: NicPeer): NicPlan {
  const outside = peer.name ?? drawnName;
  const up = peer.up ?? true;
  const quiet = peer.ipv6 === false && up && hasIpv6();
  const pair = createLink<NetValue>({
    name: outside,
    ...bornWith(peer),
    ...(peer.mtu === undefined && nic.mtu !== undefined ? { mtu: nic.mtu } : {}),
    ...(quiet ? {} : { up }),
    ...(master === undefined ? {} : { master: indexOf(master, "host") }),
    kind: "veth",
    data: [
      innerLink<NetValue>(VETH_INFO_PEER, {
        name,
        ...bornWith(nic),
        namespace: namespaceOf("container"),
      }),
    ],
  });
  const named = restarts || peer.name !== undefined;
  const why = `make the pair ${name} and ${peer.name ?? "its other side"}${master === undefined ? "" : ` on ${master}`}`;
  return {
    outside,
    setUp: [
      request("host", pair, why),
      ...(quiet ? withoutIpv6(outside) : []),
      ...(master === undefined && !quiet && hasIpv6() ? [withoutRoutesOf(outside)] : []),
      ...(named
        ? [{ do: "find", place: "host", name: outside, why: `know ${peer.name ?? "its other side"} again` } as const]
        : []),
      ...setPeer(outside, peer),
    ],
    // Not "up": the kernel opens this side before it has told it of the other one (ENOTCONN).
    sees: ["mac", "mtu", "txQueueLength"],
    // The kernel removes pairs some time after their namespace: who takes the same name again must not find the old one.
    ...(named ? { tearDown: [remove(outside, peer.name)] } : {}),
  };
}

function setPeer(outside: string, peer: NicPeer): readonly NetStep[] {
  return [...setPort(outside, peer), ...(peer.addresses ?? []).map((address) => giveAddress("host", outside, address))];
}

/** What it is as a port of its bridge; only a port that is there can be told. */
function setPort(outside: string, { hairpin, isolated }: NicPeer): readonly NetStep[] {
  const data = [
    ...(hairpin === undefined ? [] : [attribute.u8(IFLA_BRPORT.MODE, hairpin ? 1 : 0)]),
    ...(isolated === undefined ? [] : [attribute.u8(IFLA_BRPORT.ISOLATED, isolated ? 1 : 0)]),
  ];
  if (data.length === 0) return [];
  const port = changeLink<NetValue>({ index: indexOf(outside, "host"), slave: { kind: "bridge", data } });
  return [request("host", port, "set the port of the bridge")];
}

const remove = (outside: string, named = "the pair"): NetStep =>
  request("host", deleteLink<NetValue>({ index: indexOf(outside, "host") }), `remove ${named}`, [E.ENODEV]);

/** Without a bridge the host itself listens there, and the container must not be able to tell it where to send its packets. */
const withoutRoutesOf = (outside: string): NetStep => ({
  do: "sysctl",
  place: "host",
  key: `net/ipv6/conf/${outside}/accept_ra`,
  value: "0",
  why: "take no routes from the container",
});

/** Before it is up: then the kernel has given it an address and routes already. */
const withoutIpv6 = (outside: string): readonly NetStep[] => [
  {
    do: "sysctl",
    place: "host",
    key: `net/ipv6/conf/${outside}/disable_ipv6`,
    value: "1",
    why: "keep IPv6 off its other side",
  },
  request("host", changeLink<NetValue>({ index: indexOf(outside, "host"), up: true }), "set its other side up"),
];
