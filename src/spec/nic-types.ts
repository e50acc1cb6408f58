import type { CniNic } from "./cni.ts";
import type { PastaNic, Slirp4netnsNic } from "./nic-user-mode.ts";
import type { NicDriver } from "./nics.ts";

/** One way of several that a route may take. */
export interface NicNextHop {
  /** Address of the gateway. */
  readonly via?: string;
  /** Another interface of the container, by its name there. Default: the one that the route stands at */
  readonly dev?: string;
  /** 1 to 256: how much of the traffic it gets, compared with the others. Default: 1 */
  readonly weight?: number;
}

/** A route of the container that leads through the interface it stands at. */
export interface NicRoute {
  /** A network such as "10.1.0.0/16", an address, or "default": all that no other route leads to; of both families it is the gateway's. */
  readonly to: string;
  /** Address of the gateway. Without one, what the route leads to is on the link. */
  readonly via?: string;
  /** The container's address that packets come from. */
  readonly from?: string;
  /** The route with the smallest one is taken. */
  readonly metric?: number;
  readonly mtu?: number;
  /** A routing table other than the main one. */
  readonly table?: number;
  /** The gateway is on the link although no address says so. */
  readonly onlink?: boolean;
  /** Several ways, in place of `via`. */
  readonly nexthops?: readonly NicNextHop[];
}

export interface NicBandwidth {
  /** Of a pair of interfaces what is too much waits; of others it is lost. Not of the loopback. */
  readonly ingress?: number | string;
  readonly egress?: number | string;
}

/** What every interface has. */
export interface NicCommon {
  /** "02:42:ac:11:00:02". Default: the kernel's choice */
  readonly mac?: string;
  readonly mtu?: number;
  /** "10.0.0.2/24", "fd00::2/64" */
  readonly addresses?: readonly string[];
  readonly routes?: readonly NicRoute[];
  /** How many packets wait at most before the interface. */
  readonly txQueueLength?: number;
  /** Default: true */
  readonly up?: boolean;
  /** Bits per second, such as "10mbit", of what the container receives and of what it sends. */
  readonly bandwidth?: NicBandwidth;
  /** Kernel parameters; the word IFNAME stands for the interface's name: { "net.ipv4.conf.IFNAME.rp_filter": "0" } */
  readonly sysctl?: Readonly<Record<string, string>>;
}

/** The host's side of a pair. */
export interface NicPeer {
  /** Default: one that nobody else has */
  readonly name?: string;
  readonly mac?: string;
  readonly mtu?: number;
  readonly addresses?: readonly string[];
  readonly txQueueLength?: number;
  readonly up?: boolean;
  /** False: this side has no addresses of IPv6, not even those that the kernel gives. A port of a bridge needs none. */
  readonly ipv6?: boolean;
  /** Packets may leave the bridge where they came in. */
  readonly hairpin?: boolean;
  /** Isolated ports of a bridge do not reach each other. */
  readonly isolated?: boolean;
}

/** A pair of interfaces: what goes into one comes out of the other, which stays on the host. */
export interface VethNic extends NicCommon {
  readonly type: "veth";
  /** The bridge on the host that the other side belongs to. */
  readonly master?: string;
  readonly peer?: NicPeer;
}

/** An interface with a MAC address of its own on one of the host's. */
export interface MacvlanNic extends NicCommon {
  readonly type: "macvlan" | "macvtap";
  /** The interface on the host. */
  readonly link: string;
  /** Whether it reaches others on the same interface: "bridge" (default): yes; "private": no; "vepa": through the switch outside; "passthru": it is the only one */
  readonly mode?: "bridge" | "private" | "vepa" | "passthru";
}

/** An interface with the MAC address of one of the host's, and IP addresses of its own. */
export interface IpvlanNic extends NicCommon {
  readonly type: "ipvlan";
  readonly link: string;
  readonly mode?: "l2" | "l3" | "l3s";
  readonly isolation?: "bridge" | "private" | "vepa";
}

/** The packets with one tag of an interface of the host. */
export interface VlanNic extends NicCommon {
  readonly type: "vlan";
  readonly link: string;
  /** 0 to 4094 */
  readonly id: number;
  readonly protocol?: "802.1q" | "802.1ad";
}

/** An interface of the host itself, which comes back when the container has ended. */
export interface HostNic extends NicCommon {
  readonly type: "host";
  /** Its name on the host. Default: as in the container */
  readonly device?: string;
}

/** An interface whose packets a program reads and writes. */
export interface TunNic extends NicCommon {
  /** tap: Ethernet frames, tun: IP packets */
  readonly type: "tap" | "tun";
  /** Who may open it besides root: ids in the container. */
  readonly uid?: number;
  readonly gid?: number;
  readonly multiQueue?: boolean;
}

/** An Ethernet over UDP. */
export interface VxlanNic extends NicCommon {
  readonly type: "vxlan";
  /** 0 to 16777215 */
  readonly id: number;
  /** The other side: an address, or a multicast group. */
  readonly remote?: string;
  /** The address on the host that packets come from. */
  readonly local?: string;
  /** The interface on the host that they leave by. */
  readonly link?: string;
  /** Default: 4789 (RFC 7348) */
  readonly port?: number;
  readonly ttl?: number;
  readonly learning?: boolean;
}

/** A bridge or an interface without a wire in the container itself. */
export interface PlainNic extends NicCommon {
  readonly type: "bridge" | "dummy";
}

/** Further addresses and routes of the container's loopback, which is up in any case. */
export interface LoopbackNic extends NicCommon {
  readonly type: "loopback";
}

/** A place in a managed network: a bridge that it shares with others, an address there, and a route to the outside. */
export interface NetworkNic extends NicCommon {
  readonly type: "network";
  /** The network's name. */
  readonly network: string;
  /** One of the network's addresses. Default: a free one */
  readonly address?: string;
  /** Names by which others in the network find it, besides its own. */
  readonly aliases?: readonly string[];
}

/** One that is made by a driver from outside of libct. */
export interface CustomNic extends NicCommon {
  readonly driver: NicDriver;
}

/** An interface of a container, by its kind. */
export type BuiltInNic =
  | VethNic
  | MacvlanNic
  | IpvlanNic
  | VlanNic
  | HostNic
  | TunNic
  | VxlanNic
  | PlainNic
  | LoopbackNic
  | NetworkNic
  | CniNic
  | PastaNic
  | Slirp4netnsNic;
export type Nic = BuiltInNic | CustomNic;
