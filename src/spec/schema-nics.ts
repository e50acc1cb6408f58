import { parseIp, parseIpPrefix, parseMac } from "../linux/index.ts";
import type { CniNic } from "./cni.ts";
import type {
  BuiltInNic,
  CustomNic,
  HostNic,
  IpvlanNic,
  LoopbackNic,
  MacvlanNic,
  NetworkNic,
  Nic,
  NicBandwidth,
  NicCommon,
  NicNextHop,
  NicPeer,
  NicRoute,
  PlainNic,
  TunNic,
  VethNic,
  VlanNic,
  VxlanNic,
} from "./nic-types.ts";
import type { PastaNic, Slirp4netnsNic } from "./nic-user-mode.ts";
import type { NicDriver } from "./nics.ts";
import { parseRate } from "./rate.ts";
import {
  either,
  flag,
  id,
  integer,
  isObject,
  list,
  object,
  oneOf,
  Problem,
  path,
  type Schema,
  someText,
  texts,
  textThat,
  value,
} from "./schema-base.ts";
import { hostName } from "./schema-ports.ts";

/** IFNAMSIZ with its NUL byte, and the characters of dev_valid_name in net/core/dev.c. */
export const isInterfaceName = (name: string): boolean =>
  /^(?!\.{1,2}$)[^\s/:%]+$/.test(name) && Buffer.byteLength(name) <= 15;

export const interfaceName = textThat(isInterfaceName, 'the name of an interface, at most 15 bytes, such as "eth0"');

/** The first byte's lowest bit says that it is the address of a group. */
const isOwnMac = (text: string) => {
  const mac = parseMac(text);
  return mac?.some((byte) => byte !== 0) === true && ((mac[0] ?? 0) & 1) === 0;
};
const mac = textThat(isOwnMac, 'a MAC address of one interface, such as "02:42:ac:11:00:02"');
/** 68 bytes is the least that IPv4 can do with (RFC 791); what a kind of interface can is known to the kernel. */
const mtu = integer(68, 65535);
const ip = textThat((text) => parseIp(text) !== undefined, 'an address such as "10.0.0.1" or "fd00::1"');
const address = textThat(
  (text) => text.includes("/") && parseIpPrefix(text) !== undefined,
  'an address with the length of its network, such as "10.0.0.2/24" or "fd00::2/64"',
);
const destination = textThat(
  (text) => text === "default" || parseIpPrefix(text) !== undefined,
  'a network such as "10.1.0.0/16", an address, or "default"',
);
const queueLength = integer(0, 0x7fff_ffff);

const nextHop = object<NicNextHop>({}, { via: ip, dev: interfaceName, weight: integer(1, 256) });
const route = object<NicRoute>(
  { to: destination },
  {
    via: ip,
    from: ip,
    metric: integer(0, 0xffff_ffff),
    mtu,
    table: integer(1, 0xffff_ffff),
    onlink: flag,
    nexthops: list(nextHop, 1),
  },
);

const rate: Schema<number | string> = (input) => {
  if (typeof input !== "number" && typeof input !== "string") return new Problem(input, 'a rate such as "10mbit"');
  try {
    parseRate(input, "");
    return input;
  } catch {
    return new Problem(input, 'a rate of at least 8 bits per second, such as 8000000, "10mbit" or "1gbit"');
  }
};
const bandwidth = object<NicBandwidth>({}, { ingress: rate, egress: rate });

const COMMON = {
  mac,
  mtu,
  addresses: list(address),
  routes: list(route),
  txQueueLength: queueLength,
  up: flag,
  bandwidth,
  sysctl: texts((key) => key !== "" && !key.includes("\0"), "the name of a kernel parameter"),
} as const satisfies { readonly [K in keyof NicCommon]-?: Schema<Exclude<NicCommon[K], undefined>> };

const peer = object<NicPeer>(
  {},
  {
    name: interfaceName,
    mac,
    mtu,
    addresses: COMMON.addresses,
    txQueueLength: queueLength,
    up: flag,
    ipv6: flag,
    hairpin: flag,
    isolated: flag,
  },
);

const type = <T extends string>(...types: readonly T[]): Schema<T> =>
  value((input) => types.includes(input as T), "a type");

const macvlan = object<MacvlanNic>(
  { type: type("macvlan", "macvtap"), link: interfaceName },
  {
    ...COMMON,
    mode: oneOf<NonNullable<MacvlanNic["mode"]>>({ bridge: true, private: true, vepa: true, passthru: true }),
  },
);
const tun = object<TunNic>({ type: type("tap", "tun") }, { ...COMMON, uid: id, gid: id, multiQueue: flag });
const plain = object<PlainNic>({ type: type("bridge", "dummy") }, COMMON);

/** What only plugins know is looked at when it is used; here it is copied, so that nobody changes it later. */
const jsonObject =
  <T>(): Schema<T> =>
  (input) => {
    if (!isObject(input) || Array.isArray(input)) return new Problem(input, "an object");
    try {
      return JSON.parse(JSON.stringify(input)) as T;
    } catch (error) {
      return new Problem(input, `what can be written as JSON\n${(error as Error).message}`);
    }
  };

const cni = object<CniNic>(
  {
    type: type("cni"),
    network: either((input) => typeof input === "string", someText, jsonObject<Exclude<CniNic["network"], string>>()),
  },
  {
    ...COMMON,
    args: texts((key) => /^[^=;]+$/.test(key), 'the name of an argument, without "=" and ";"'),
    capabilities: jsonObject<NonNullable<CniNic["capabilities"]>>(),
    confDirs: list(path),
    pluginDirs: list(path),
    env: texts((key) => /^[^=]+$/.test(key), "the name of a variable"),
    timeout: integer(1, 86400),
  },
);
const USER_MODE = {
  hostLoopback: flag,
  program: textThat((path) => path.startsWith("/") && !path.includes("\0"), "an absolute path"),
  args: list(someText),
};
const isIpv4Network = (text: string) => text.includes("/") && parseIpPrefix(text)?.address.length === 4;

/** Each kind of interface, by its type. */
const KINDS: { readonly [K in BuiltInNic["type"]]: Schema<BuiltInNic> } = {
  veth: object<VethNic>({ type: type("veth") }, { ...COMMON, master: interfaceName, peer }),
  macvlan,
  macvtap: macvlan,
  ipvlan: object<IpvlanNic>(
    { type: type("ipvlan"), link: interfaceName },
    {
      ...COMMON,
      mode: oneOf<NonNullable<IpvlanNic["mode"]>>({ l2: true, l3: true, l3s: true }),
      isolation: oneOf<NonNullable<IpvlanNic["isolation"]>>({ bridge: true, private: true, vepa: true }),
    },
  ),
  vlan: object<VlanNic>(
    { type: type("vlan"), link: interfaceName, id: integer(0, 4094) },
    { ...COMMON, protocol: oneOf<NonNullable<VlanNic["protocol"]>>({ "802.1q": true, "802.1ad": true }) },
  ),
  host: object<HostNic>({ type: type("host") }, { ...COMMON, device: interfaceName }),
  tap: tun,
  tun,
  vxlan: object<VxlanNic>(
    { type: type("vxlan"), id: integer(0, 0xff_ffff) },
    {
      ...COMMON,
      remote: ip,
      local: ip,
      link: interfaceName,
      port: integer(1, 65535),
      ttl: integer(1, 255),
      learning: flag,
    },
  ),
  bridge: plain,
  dummy: plain,
  loopback: object<LoopbackNic>({ type: type("loopback") }, COMMON),
  network: object<NetworkNic>(
    { type: type("network"), network: someText },
    { ...COMMON, address: ip, aliases: list(hostName) },
  ),
  cni,
  pasta: object<PastaNic>({ type: type("pasta") }, { ...COMMON, ...USER_MODE, device: interfaceName }),
  slirp4netns: object<Slirp4netnsNic>(
    { type: type("slirp4netns") },
    { ...COMMON, ...USER_MODE, network: textThat(isIpv4Network, 'an IPv4 network such as "10.0.2.0/24"'), ipv6: flag },
  ),
};

export const nicTypes = Object.keys(KINDS);
const anyType = oneOf<BuiltInNic["type"]>(KINDS, ", or a `driver`");

const driver = value<NicDriver>(
  (input) =>
    isObject(input) &&
    "type" in input &&
    typeof input.type === "string" &&
    "plan" in input &&
    typeof input.plan === "function",
  "a NIC driver: an object with a string `type` and a function `plan`",
);
const custom = object<CustomNic>({ driver }, COMMON);

export const nic: Schema<Nic> = (input, lenient) => {
  if (!isObject(input)) return new Problem(input, "an object");
  if ("driver" in input && input.driver !== undefined) return custom(input, lenient);
  const kind = anyType("type" in input ? input.type : undefined);
  return kind instanceof Problem ? kind.at("type") : KINDS[kind](input, lenient);
};
