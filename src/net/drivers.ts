import type { BuiltInNic, Nic, NicDriver } from "../spec/index.ts";
import { type HostNicContext, hostNic } from "./host-nic.ts";
import { ipvlan } from "./ipvlan.ts";
import { loopback } from "./loopback.ts";
import { macvlan } from "./macvlan.ts";
import { plain } from "./plain.ts";
import { tun } from "./tun.ts";
import { veth } from "./veth.ts";
import { vlan } from "./vlan.ts";
import { vxlan } from "./vxlan.ts";

type Drivers = {
  readonly [K in BuiltInNic["type"]]: (
    nic: Extract<BuiltInNic, { readonly type: K }>,
    context: HostNicContext,
  ) => NicDriver;
};

/** Who makes which kind of interface. */
const DRIVERS: Drivers = {
  veth,
  macvlan,
  macvtap: macvlan,
  ipvlan,
  vlan,
  vxlan,
  host: hostNic,
  tap: tun,
  tun,
  bridge: plain,
  dummy: plain,
  loopback,
};

export function driverOf(nic: Nic, context: HostNicContext): NicDriver {
  if ("driver" in nic) return nic.driver;
  const make = DRIVERS[nic.type] as (nic: BuiltInNic, context: HostNicContext) => NicDriver;
  return make(nic, context);
}
