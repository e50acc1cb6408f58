import type { NetworkOptions } from "../../net/index.ts";
import type { Globals } from "../command.ts";
import { withHost } from "../containers/with-host.ts";
import { print } from "../output.ts";
import { parseInteger, wrong } from "../parse.ts";
import { usage } from "../syntax.ts";

export interface CreateNetworkFlags {
  readonly subnet: readonly string[];
  readonly gateway: readonly string[];
  readonly ipv6?: true;
  readonly bridge?: string;
  readonly mtu?: string;
  readonly internal?: true;
  readonly noMasquerade?: true;
  readonly label: readonly string[];
  readonly json?: true;
}

/** `ct network create`: prints the name; what would keep its containers from being reached is told on standard error. */
export function create(name: string | undefined, flags: CreateNetworkFlags, globals: Globals): Promise<number> {
  if (name === undefined) throw usage("the name of the network is missing");
  const options = networkOptions(name, flags);
  return withHost(globals, async (host) => {
    const network = await host.networks.create(options);
    await print(process.stdout, `${flags.json ? JSON.stringify(network) : network.name}\n`);
    if (!flags.json) for (const note of network.notes) await print(process.stderr, `ct: note: ${note}\n`);
    return 0;
  });
}

export function networkOptions(name: string, flags: CreateNetworkFlags): NetworkOptions {
  const mtu = flags.mtu === undefined ? {} : { mtu: parseInteger("--mtu", flags.mtu, 68, 65535) };
  return {
    name,
    subnets: subnetsOf(flags),
    ...(flags.ipv6 ? { ipv6: true } : {}),
    ...(flags.bridge === undefined ? {} : { bridge: flags.bridge }),
    ...mtu,
    ...(flags.internal ? { internal: true } : {}),
    ...(flags.noMasquerade ? { masquerade: false } : {}),
    labels: Object.fromEntries(flags.label.map(parseLabel)),
  };
}

/** A gateway belongs to the subnet of its version of IP. */
function subnetsOf({ subnet, gateway }: CreateNetworkFlags): NonNullable<NetworkOptions["subnets"]> {
  const isSix = (word: string) => word.includes(":");
  for (const one of gateway) {
    if (!subnet.some((other) => isSix(other) === isSix(one))) throw wrong("--gateway", one, "an address of a --subnet");
    if (gateway.filter((other) => isSix(other) === isSix(one)).length > 1)
      throw wrong("--gateway", one, "one for each --subnet");
  }
  return subnet.map((one) => {
    const own = gateway.find((other) => isSix(other) === isSix(one));
    return own === undefined ? { subnet: one } : { subnet: one, gateway: own };
  });
}

function parseLabel(word: string): readonly [string, string] {
  const at = word.indexOf("=");
  if (at === 0 || word === "") throw wrong("--label", word, "NAME=VALUE");
  return at < 0 ? [word, ""] : [word.slice(0, at), word.slice(at + 1)];
}
