import { invalid } from "../../errors.ts";
import type { IpvlanNic, MacvlanNic, Nic, NicCommon, NicRoute } from "../../spec/index.ts";
import type { ImportContext, Settings } from "../index.ts";

/** Undefined: the host's network. */
export type Network = Readonly<Record<string, Nic>> | undefined;

const DEFAULT_PREFIX = { 4: 24, 6: 64 } as const;

/** lxc.net.N.*: the container's interfaces. */
export function translateNetwork(settings: Settings, context: ImportContext): Network {
  const numbers = new Set<number>();
  for (const { name } of settings.below("lxc.net.")) if (/^\d+\./.test(name)) numbers.add(Number.parseInt(name, 10));
  const networks = [...numbers].sort((a, b) => a - b).map((index) => network(settings, index, context));
  if (networks.length > 0 && networks.every(({ type }) => type === "none")) return undefined;
  const nics = new Map<string, Nic>();
  for (const { name, type, nic } of networks) {
    if (type === "none" || type === "empty" || nic === undefined) continue;
    const taken = (wanted: string) => nics.has(wanted) || networks.some((one) => one.name === wanted);
    // "eth%d": the first number that is free (network.c).
    let next = 0;
    while (taken(`eth${next}`)) next += 1;
    nics.set(name ?? `eth${next}`, nic);
  }
  return Object.fromEntries(nics);
}

interface One {
  readonly type: string;
  readonly name: string | undefined;
  readonly nic: Nic | undefined;
}

function network(settings: Settings, index: number, context: ImportContext): One {
  const last = (member: string) => settings.last(`lxc.net.${index}.${member}`);
  const type = last("type") ?? "";
  const link = last("link");
  // "up: activates the interface": without it the interface is only there.
  const shared = { ...common(settings, index, link, context), ...(last("flags") === "up" ? {} : { up: false }) };
  const name = last("name") ?? (type === "phys" ? link : undefined);
  ignoreRest(settings, index);
  return { type, name, nic: nicOf(settings, index, type, link, shared) };
}

function nicOf(
  settings: Settings,
  index: number,
  type: string,
  given: string | undefined,
  shared: NicCommon,
): Nic | undefined {
  const key = (member: string) => `lxc.net.${index}.${member}`;
  const last = (member: string) => settings.last(key(member));
  const link = () => given ?? missing(key("link"));
  switch (type) {
    case "none":
    case "empty":
      return undefined;
    case "veth": {
      const pair = last("veth.pair");
      const peer = pair === undefined ? {} : { peer: { name: pair } };
      return { type, ...(given === undefined ? {} : { master: given }), ...peer, ...shared };
    }
    case "macvlan":
      return {
        type,
        link: link(),
        mode: oneOf(key("macvlan.mode"), last("macvlan.mode") ?? "private", MACVLAN),
        ...shared,
      };
    case "ipvlan": {
      const mode = oneOf(key("ipvlan.mode"), last("ipvlan.mode") ?? "l3", IPVLAN);
      const isolation = oneOf(key("ipvlan.isolation"), last("ipvlan.isolation") ?? "bridge", ISOLATION);
      return { type, link: link(), mode, isolation, ...shared };
    }
    case "vlan":
      return { type, link: link(), id: Number(last("vlan.id") ?? missing(key("vlan.id"))), ...shared };
    case "phys":
      return { type: "host", device: link(), ...shared };
    default:
      throw invalid(key("type"), type, "one of veth, macvlan, ipvlan, vlan, phys, empty, none");
  }
}

const MACVLAN = ["bridge", "private", "vepa", "passthru"] as const satisfies readonly MacvlanNic["mode"][];
const IPVLAN = ["l2", "l3", "l3s"] as const satisfies readonly IpvlanNic["mode"][];
const ISOLATION = ["bridge", "private", "vepa"] as const satisfies readonly IpvlanNic["isolation"][];

function oneOf<T extends string>(key: string, value: string, known: readonly T[]): T {
  const found = known.find((one) => one === value);
  if (found === undefined) throw invalid(key, value, `one of ${known.join(", ")}`);
  return found;
}

function missing(key: string): never {
  throw invalid(key, undefined, "a value, as the type of the network needs it");
}

function common(settings: Settings, index: number, link: string | undefined, context: ImportContext): NicCommon {
  const key = (member: string) => `lxc.net.${index}.${member}`;
  const [mac, mtu] = [settings.last(key("hwaddr")), settings.last(key("mtu"))];
  const addresses = ([4, 6] as const).flatMap((family) =>
    settings.all(key(`ipv${family}.address`)).map((value) => addressOf(value, family)),
  );
  const routes = ([4, 6] as const).flatMap((family) =>
    route(settings, key(`ipv${family}.gateway`), family, link, context),
  );
  return {
    ...(mac === undefined ? {} : { mac: filled(mac, `${context.name}/${index}`) }),
    ...(mtu === undefined ? {} : { mtu: Number(mtu) }),
    ...(addresses.length > 0 ? { addresses } : {}),
    ...(routes.length > 0 ? { routes } : {}),
  };
}

/** What follows is the broadcast address, which the kernel knows. */
function addressOf(value: string, family: 4 | 6): string {
  const [address = ""] = value.split(/\s+/);
  return address.includes("/") ? address : `${address}/${DEFAULT_PREFIX[family]}`;
}

function route(
  settings: Settings,
  key: string,
  family: 4 | 6,
  link: string | undefined,
  { addressOf: addressOfLink }: ImportContext,
): readonly NicRoute[] {
  const value = settings.last(key);
  if (value === undefined) return [];
  const to = family === 4 ? "0.0.0.0/0" : "::/0";
  if (value === "dev") return [{ to }];
  if (value !== "auto") return [{ to, via: value }];
  const via = link === undefined ? undefined : addressOfLink(link, family);
  if (via === undefined) settings.ignore(key, `${link ?? "the container"} has no address to be taken as the gateway`);
  return via === undefined ? [] : [{ to, via }];
}

/** "Any x in address will be replaced by random value": by one that stays the same for the same container. */
function filled(mac: string, seed: string): string {
  let state = 0x811c9dc5;
  for (const character of seed) state = Math.imul(state ^ character.charCodeAt(0), 0x01000193) >>> 0;
  const digit = () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) >>> 0;
    state = (state + 0x9e3779b9) >>> 0;
    return (state >>> 24) & 15;
  };
  const text = mac.toLowerCase().replace(/x/g, () => digit().toString(16));
  if (!/^..?x|^x/i.test(mac.slice(0, 2))) return text;
  // The first byte says that it is no group's address, and nobody's but ours (IEEE 802).
  const first = (Number.parseInt(text.slice(0, 2), 16) & 0xfc) | 0x02;
  return `${first.toString(16).padStart(2, "0")}${text.slice(2)}`;
}

const IGNORED: Readonly<Record<string, string>> = {
  "script.up": "nothing is executed for an interface; lxc.hook.start-host is",
  "script.down": "nothing is executed for an interface; lxc.hook.post-stop is",
  "veth.mode": "the host's side is a port of a bridge, or of nothing",
  "veth.ipv4.route": "no routes are set on the host",
  "veth.ipv6.route": "no routes are set on the host",
  "veth.vlan.id": "the port gets the bridge's own VLAN",
  "veth.vlan.tagged.id": "the port gets the bridge's own VLAN",
  l2proxy: "no neighbours are proxied on the host",
};

function ignoreRest(settings: Settings, index: number): void {
  for (const [member, why] of Object.entries(IGNORED)) {
    const key = `lxc.net.${index}.${member}`;
    if (member === "veth.mode" && settings.last(key) === "bridge") continue;
    settings.ignore(key, why);
  }
}
