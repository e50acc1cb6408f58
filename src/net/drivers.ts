import type { BuiltInNic, Nic, NicDriver } from "../spec/index.ts";
import { cni } from "./cni/index.ts";
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

type Drivers = { readonly [K in BuiltInNic["type"]]?: (nic: Extract<BuiltInNic, { readonly type: K }>) => NicDriver };

/** Who makes which kind of interface. */
const DRIVERS: Drivers = {
  veth,
  macvlan,
  macvtap: macvlan,
  ipvlan,
  vlan,
  vxlan,
  tap: tun,
  tun,
  bridge: plain,
  dummy: plain,
  loopback,
  cni,
  pasta,
  slirp4netns,
};

export function driverOf(nic: Nic): NicDriver {
  if ("driver" in nic) return nic.driver;
  const make = DRIVERS[nic.type] as ((nic: BuiltInNic) => NicDriver) | undefined;
  if (!make) throw new RangeError(`no driver for ${nic.type}`);
  return make(nic);
}
