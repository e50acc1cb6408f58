import type { RunOptions } from "../host/index.ts";
import type { Dns, NetworkNic, Nic } from "../spec/index.ts";
import type { RunFlags } from "./flags.ts";
import { type NetworkWord, parseAddHost, parsePublish, splitNetwork } from "./network-syntax.ts";
import { wrong } from "./parse.ts";
import { usage } from "./syntax.ts";

/** The words that say where the network namespace comes from, and stand alone. */
const PLAIN = ["none", "host"] as const;
type Plain = (typeof PLAIN)[number];
const isPlain = (name: string): name is Plain => PLAIN.some((one) => one === name);

/** --net, or --network with one of its words. */
export function plainNetwork({ net, network }: Pick<RunFlags, "net" | "network">): Plain | undefined {
  const words = [...(net === undefined ? [] : [net]), ...network];
  const plain = words.find(isPlain);
  if (plain !== undefined && words.length > 1) throw usage(`--network ${plain} excludes every other network`);
  return plain;
}

/** Another word for the network that is there by itself. */
const DEFAULT = { word: "default", network: "libct" } as const;

/** Networks, published ports and names. */
export function networkOptions(flags: RunFlags): RunOptions {
  const plain = plainNetwork(flags);
  const ports = flags.publish.map(parsePublish);
  if (plain !== undefined && ports.length > 0) throw usage(`--publish and --network ${plain} exclude each other`);
  const words = plain === undefined ? flags.network.map(splitNetwork) : [];
  const wanted = words.length === 0 && ports.length > 0 ? [splitNetwork(DEFAULT.word)] : words;
  const nics = Object.fromEntries(wanted.map((word, index): readonly [string, Nic] => [`eth${index}`, nicOf(word)]));
  const hosts = Object.fromEntries(flags.addHost.map(parseAddHost));
  const dns = dnsOption(flags);
  return {
    ...(wanted.length > 0 ? { nics } : {}),
    ...(ports.length > 0 ? { ports } : {}),
    ...(dns ? { dns } : {}),
    ...(flags.addHost.length > 0 ? { hosts } : {}),
  };
}

function nicOf({ name, options }: NetworkWord): NetworkNic {
  const network = name === DEFAULT.word ? DEFAULT.network : name;
  const values = (key: string) => options.filter(([one]) => one === key).map(([, value]) => value);
  const unknown = options.find(([key]) => !KEYS.includes(key));
  const word = [name, options.map(([key, value]) => `${key}=${value}`).join(",")].join(":");
  if (unknown) throw wrong("--network", word, `options of ${KEYS.join(", ")}, such as ip=10.9.0.5`);
  const single = (key: string): string | undefined => {
    const [first, ...more] = values(key);
    if (more.length > 0 || first === "") throw wrong("--network", word, `${key} once, with a value`);
    return first;
  };
  const [address, mac, aliases] = [single("ip"), single("mac"), values("alias")];
  return {
    type: "network",
    network,
    ...(address === undefined ? {} : { address }),
    ...(mac === undefined ? {} : { mac }),
    ...(aliases.length > 0 ? { aliases } : {}),
  };
}

const KEYS: readonly string[] = ["ip", "mac", "alias"];

function dnsOption({ dns, dnsSearch, dnsOption: options }: RunFlags): Dns | undefined {
  if (dns.length + dnsSearch.length + options.length === 0) return undefined;
  return {
    ...(dns.length > 0 ? { servers: dns } : {}),
    ...(dnsSearch.length > 0 ? { search: dnsSearch.filter((domain) => domain !== ".") } : {}),
    ...(options.length > 0 ? { options } : {}),
  };
}
