export interface NicRoute {
  /** "default", or an address with a prefix. */
  readonly to: string;
  readonly via?: string;
}

/** What the interfaces of other programs have: each becomes one of the specification's `nics`. */
export interface Nic {
  readonly type: "veth" | "macvlan" | "ipvlan" | "vlan" | "host";
  /** Of a veth: the bridge. */
  readonly master?: string;
  /** Of those that lie on an interface of the host: that. */
  readonly link?: string;
  readonly device?: string;
  readonly mode?: string;
  readonly isolation?: string;
  readonly id?: number;
  readonly peer?: { readonly name?: string; readonly mac?: string };
  readonly mac?: string;
  readonly mtu?: number;
  readonly addresses?: readonly string[];
  readonly routes?: readonly NicRoute[];
  readonly up?: boolean;
}
