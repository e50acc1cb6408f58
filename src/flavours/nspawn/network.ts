import type { Nic } from "../../spec/index.ts";
import type { Settings } from "../index.ts";
import { words, yes } from "./value.ts";

export interface Network {
  /** A network namespace of its own. */
  readonly isolated: boolean;
  readonly nics: Readonly<Record<string, Nic>>;
  readonly netDevices: Readonly<Record<string, { readonly name?: string }>>;
}

/** [Network]. Everything but Private= implies it. */
export function translateNetwork(settings: Settings): Network {
  const bridge = settings.last("Network.Bridge");
  const zone = settings.last("Network.Zone");
  if (zone !== undefined) settings.change("Network.Zone", `the bridge vz-${zone} must be there`);
  const master = bridge ?? (zone === undefined ? undefined : `vz-${zone}`);
  const nics = new Map<string, Nic>();
  if (yes(settings, "Network.VirtualEthernet") || master !== undefined) {
    nics.set("host0", { type: "veth", ...(master === undefined ? {} : { master }) });
  }
  for (const value of settings.all("Network.VirtualEthernetExtra")) {
    const [host = "", inside = host] = value.split(":");
    nics.set(inside, { type: "veth", peer: { name: host } });
  }
  for (const name of settings.all("Network.MACVLAN").flatMap(words)) {
    nics.set(shortened(`mv-${name}`), { type: "macvlan", link: name, mode: "bridge" });
  }
  for (const name of settings.all("Network.IPVLAN").flatMap(words)) {
    nics.set(shortened(`iv-${name}`), { type: "ipvlan", link: name, mode: "l2" });
  }
  const netDevices = Object.fromEntries(
    settings
      .all("Network.Interface")
      .flatMap(words)
      .map((word) => {
        const [host = "", name] = word.split(":");
        return [host, name === undefined ? {} : { name }];
      }),
  );
  const isolated = yes(settings, "Network.Private") || nics.size + Object.keys(netDevices).length > 0;
  return { isolated, nics: Object.fromEntries(nics), netDevices };
}

/** IFNAMSIZ, with its NUL (netdevice(7)). */
const LONGEST = 15;
const shortened = (name: string) => name.slice(0, LONGEST);
