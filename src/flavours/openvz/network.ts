import { invalid } from "../../errors.ts";
import type { Nic } from "../../spec/index.ts";
import type { Settings } from "../index.ts";

export interface Network {
  readonly nics: Readonly<Record<string, Nic>>;
  readonly netDevices: Readonly<Record<string, { readonly name?: string }>>;
}

/** IP_ADDRESS (venet), NETIF (veth) and NETDEV (interfaces of the host). */
export function translateNetwork(settings: Settings): Network {
  const nics = new Map<string, Nic>(Object.entries(venet(settings)));
  for (const value of settings.all("NETIF")) {
    for (const one of value.split(";").filter((text) => text !== "")) nics.set(...veth(settings, one, value));
  }
  const devices = (settings.last("NETDEV") ?? "").split(/\s+/).filter((name) => name !== "");
  return { nics: Object.fromEntries(nics), netDevices: Object.fromEntries(devices.map((name) => [name, {}])) };
}

/** An interface of OpenVZ's own kernel, which routes the addresses to it. */
function venet(settings: Settings): Readonly<Record<string, Nic>> {
  const addresses = (settings.last("IP_ADDRESS") ?? "").split(/\s+/).filter((address) => address !== "");
  if (addresses.length === 0) return {};
  settings.change("IP_ADDRESS", "venet0 is a veth: set a route to it, or a bridge, on the host");
  const families = new Set(addresses.map((address) => (address.includes(":") ? "::/0" : "0.0.0.0/0")));
  return {
    venet0: {
      type: "veth",
      addresses: addresses.map((address) =>
        address.includes("/") ? address : `${address}/${address.includes(":") ? 128 : 32}`,
      ),
      routes: [...families].map((to) => ({ to })),
    },
  };
}

/** ifname=eth0,bridge=vzbr0,mac=...,host_ifname=... */
function veth(settings: Settings, text: string, value: string): readonly [name: string, nic: Nic] {
  const fields = new Map(
    text.split(",").map((field) => {
      const at = field.indexOf("=");
      return [field.slice(0, at), field.slice(at + 1)] as const;
    }),
  );
  const [ifname, bridge, mac] = [fields.get("ifname"), fields.get("bridge"), fields.get("mac")];
  if (ifname === undefined) throw invalid("NETIF", text, "ifname=NAME among its fields");
  if (fields.has("mac_filter")) settings.change("NETIF", "mac_filter: addresses are not filtered", value);
  const [name, hostMac] = [fields.get("host_ifname"), fields.get("host_mac")];
  const peer = { ...(name === undefined ? {} : { name }), ...(hostMac === undefined ? {} : { mac: hostMac }) };
  const nic: Nic = {
    type: "veth",
    ...(bridge === undefined ? {} : { master: bridge }),
    ...(mac === undefined ? {} : { mac }),
    ...(Object.keys(peer).length > 0 ? { peer } : {}),
  };
  return [ifname, nic];
}
