import type { Container, RunOptions } from "../host/index.ts";
import { type ContainerSpec, type Namespace, validateSpec } from "../spec/index.ts";
import type { RunFlags } from "./flags.ts";
import { parseNic } from "./nic-syntax.ts";
import { wrong } from "./parse.ts";
import { usage } from "./syntax.ts";

/** The network that is asked for, by either name of the flag. */
export function networkWord({ net, network }: Pick<RunFlags, "net" | "network">): string | undefined {
  if (net !== undefined && network !== undefined && net !== network)
    throw usage(`--net ${net} and --network ${network} exclude each other`);
  return network ?? net;
}

/** What `--network` and `--nic` mean. `open` finds a container by its name. */
export async function networkOptions(
  flags: Pick<RunFlags, "net" | "network" | "nic">,
  open: (name: string) => Promise<Container>,
): Promise<Pick<RunOptions, "nics" | "network"> & { readonly joined?: readonly Namespace[] }> {
  const word = networkWord(flags);
  const other = word?.startsWith("container:") ? word.slice("container:".length) : undefined;
  if (word === "host" || other !== undefined) {
    if (flags.nic.length > 0)
      throw usage(`--nic and --network ${word} exclude each other: that network is not the container's`);
    return other === undefined ? { network: "host" } : { joined: namespacesOf(await open(other)) };
  }
  const cni = word?.startsWith("cni:") ? word.slice("cni:".length) : undefined;
  if (cni !== undefined) return { network: "none", nics: nicsOf([`type=cni,network=${cni}`, ...flags.nic]) };
  if (word !== undefined && word !== "none")
    throw wrong("--network", word, 'one of "none", "host", "container:NAME", "cni:NAME"');
  return { network: "none", nics: nicsOf(flags.nic) };
}

function nicsOf(words: readonly string[]): NonNullable<ContainerSpec["nics"]> {
  const nics: Record<string, unknown> = {};
  for (const [number, word] of words.entries()) {
    const { name, nic } = parseNic(word, number);
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
