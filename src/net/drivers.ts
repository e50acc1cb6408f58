import type { BuiltInNic, Nic, NicDriver } from "../spec/index.ts";
import { loopback } from "./loopback.ts";
import { veth } from "./veth.ts";

type Drivers = { readonly [K in BuiltInNic["type"]]?: (nic: Extract<BuiltInNic, { readonly type: K }>) => NicDriver };

/** Who makes which kind of interface. */
const DRIVERS: Drivers = { veth, loopback };

export function driverOf(nic: Nic): NicDriver {
  if ("driver" in nic) return nic.driver;
  const make = DRIVERS[nic.type] as ((nic: BuiltInNic) => NicDriver) | undefined;
  if (!make) throw new RangeError(`no driver for ${nic.type}`);
  return make(nic);
}
