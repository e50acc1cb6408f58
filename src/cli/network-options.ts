import type { Container } from "../host/index.ts";
import { type ContainerSpec, type Namespace, validateSpec } from "../spec/index.ts";
import type { RunFlags } from "./flags.ts";
import { parsePublish } from "./network-syntax.ts";
import { parseNic } from "./nic-syntax.ts";
import { wrong } from "./parse.ts";
import type { NetworkOptions } from "./run-options.ts";
import { namesOf, type SharedNic, sharedNics } from "./shared-networks.ts";
import { usage } from "./syntax.ts";

/** The networks that are asked for, by either name of the flag. */
export const networkWords = ({ net, network }: Pick<RunFlags, "net" | "network">): readonly string[] => [
  ...new Set([...(net === undefined ? [] : [net]), ...network]),
];

/** Words that say where the network namespace comes from: they stand alone. */
const isAlone = (word: string) => word === "none" || word === "host" || word.startsWith("container:");

/** What stands before the name of a network that CNI plugins make. */
const CNI = "cni:";

/** What `--network`, `--nic` and the flags that go with them mean. `open` finds a container by its name. */
export async function networkOptions(
  flags: NetworkFlags,
  open: (name: string) => Promise<Container>,
): Promise<NetworkOptions> {
  const words = networkWords(flags);
  const word = words.find(isAlone);
  if (word !== undefined && words.length > 1) throw usage(`--network ${word} excludes every other network`);
  const publishes = flags.publish.length > 0 || (flags.publishAll ?? false);
  if (word !== undefined && publishes)
    throw usage(`--publish and --network ${word} exclude each other: it takes a network of \`ct network ls\``);
  const other = word?.startsWith("container:") ? word.slice("container:".length) : undefined;
  if (word === "host" || other !== undefined) {
    if (flags.nic.length > 0)
      throw usage(`--nic and --network ${word} exclude each other: that network is not the container's`);
    const named = namesOf(flags);
    return other === undefined ? { network: "host", ...named } : { joined: namespacesOf(await open(other)), ...named };
  }
  const plugged = words.filter((one) => one.startsWith(CNI));
  const named = words.filter((one) => !isAlone(one) && !one.startsWith(CNI));
  const shared = sharedNics(named, publishes && plugged.length === 0);
  const ports = flags.publish.map(parsePublish);
  const nics = nicsOf(shared, [...plugged.map((one) => `type=cni,network=${one.slice(CNI.length)}`), ...flags.nic]);
  // Names alone do not ask for interfaces.
  const asked = words.length + flags.nic.length > 0 || publishes;
  return { network: "none", ...(asked ? { nics } : {}), ...(ports.length > 0 ? { ports } : {}), ...namesOf(flags) };
}

type NetworkFlags = Pick<
  RunFlags,
  "net" | "network" | "nic" | "publish" | "publishAll" | "dns" | "dnsSearch" | "dnsOption" | "addHost"
>;

function nicsOf(shared: readonly SharedNic[], words: readonly string[]): NonNullable<ContainerSpec["nics"]> {
  const nics: Record<string, unknown> = Object.fromEntries(shared.map((nic, number) => [`eth${number}`, nic]));
  for (const [number, word] of words.entries()) {
    const { name, nic } = parseNic(word, shared.length + number);
    if (name in nics) throw wrong("--nic", word, `a name that no other one has: ${name} is there already`);
    nics[name] = nic;
  }
  return validateSpec({ namespaces: ["network"], nics }).nics ?? {};
}

/** Where there is a user namespace the others belong to it: only who is in it may join them. */
function namespacesOf(container: Container): readonly Namespace[] {
  const types = (container.spec.namespaces ?? []).map((one) => (typeof one === "string" ? one : one.type));
  if (!types.includes("network"))
    throw usage(`container ${container.name} has no network of its own`, "--network host is what it has");
  const wanted = (["user", "network"] as const).filter((type) => types.includes(type));
  return wanted.map((type) => ({ type, path: container.namespacePath(type) }));
}
