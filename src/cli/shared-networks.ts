import type { RunOptions } from "../host/index.ts";
import type { Dns, NetworkNic, PastaNic, Slirp4netnsNic } from "../spec/index.ts";
import type { RunFlags } from "./flags.ts";
import { type NetworkWord, parseAddHost, splitNetwork } from "./network-syntax.ts";
import { wrong } from "./parse.ts";
import { isUserMode, PRIVATE, userModeNic } from "./user-mode-nic.ts";

/** Another word for the network that is there by itself. */
const DEFAULT = { word: "default", network: "libct" } as const;

/**
 * A place in each network that is named. Who publishes ports and names none gets what he has by himself: root one in the network that is there by itself, an
 * ordinary user the host's network by a program.
 */
export function sharedNics(words: readonly string[], publishes: boolean): readonly SharedNic[] {
  const wanted = words.length === 0 && publishes ? [PRIVATE] : words;
  return wanted.map((word) => {
    const split = splitNetwork(word);
    return isUserMode(split.name) ? userModeNic(word, split) : nicOf(word, split);
  });
}

export type SharedNic = NetworkNic | PastaNic | Slirp4netnsNic;

function nicOf(word: string, { name, options }: NetworkWord): NetworkNic {
  const network = name === DEFAULT.word || name === PRIVATE ? DEFAULT.network : name;
  const unknown = options.find(([key]) => !KEYS.includes(key));
  if (unknown) throw wrong("--network", word, `options of ${KEYS.join(", ")}, such as ip=10.9.0.5`);
  const values = (key: string) => options.filter(([one]) => one === key).map(([, value]) => value);
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

/** What the container is told of names. */
export function namesOf(
  flags: Pick<RunFlags, "dns" | "dnsSearch" | "dnsOption" | "addHost">,
): Pick<RunOptions, "dns" | "hosts"> {
  const dns = dnsOf(flags);
  const hosts = Object.fromEntries(flags.addHost.map(parseAddHost));
  return { ...(dns ? { dns } : {}), ...(flags.addHost.length > 0 ? { hosts } : {}) };
}

function dnsOf({ dns, dnsSearch, dnsOption }: Pick<RunFlags, "dns" | "dnsSearch" | "dnsOption">): Dns | undefined {
  if (dns.length + dnsSearch.length + dnsOption.length === 0) return undefined;
  return {
    ...(dns.length > 0 ? { servers: dns } : {}),
    ...(dnsSearch.length > 0 ? { search: dnsSearch.filter((domain) => domain !== ".") } : {}),
    ...(dnsOption.length > 0 ? { options: dnsOption } : {}),
  };
}
