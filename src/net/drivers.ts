import type { BuiltInNic, Nic, NicDriver } from "../spec/index.ts";
import { cni } from "./cni/index.ts";
import { type HostNicContext, hostNic } from "./host-nic.ts";
import { ipvlan } from "./ipvlan.ts";
import { loopback } from "./loopback.ts";
import { macvlan } from "./macvlan.ts";
import { plain } from "./plain.ts";
import { tun } from "./tun.ts";
import { pasta } from "./user-mode/pasta.ts";
import { slirp4netns } from "./user-mode/slirp4netns.ts";
import { veth } from "./veth.ts";
import { vlan } from "./vlan.ts";
import { vxlan } from "./vxlan.ts";

/** Those of managed networks are planned before, all at once (managed/plan.ts). */
type DrivenType = Exclude<BuiltInNic["type"], "network">;
type Drivers = {
  readonly [K in DrivenType]: (nic: Extract<BuiltInNic, { readonly type: K }>, context: HostNicContext) => NicDriver;
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
  cni,
  pasta,
  slirp4netns,
};

export function driverOf(nic: Nic, context: HostNicContext): NicDriver {
  if ("driver" in nic) return nic.driver;
  if (nic.type === "network") throw new RangeError("an interface of a managed network is planned with its network");
  const make = DRIVERS[nic.type] as (nic: BuiltInNic, context: HostNicContext) => NicDriver;
  return make(nic, context);
}
