import { type Command, command } from "./command.ts";
import type { CreateNetworkFlags } from "./networks/create.ts";

const NAMES = {
  usage: "[options] NAME...",
  words: [["NAME", "the network's name; `ct network ls` lists them"]],
} as const;
const json = { text: "print it as JSON" } as const;
const none = async () => "";
interface Json {
  readonly json?: true;
}

const networks = () => import("./networks/networks.ts");

/** `ct network`: networks that containers share. */
export const NETWORK_COMMANDS: Readonly<Record<string, Command>> = {
  create: command<CreateNetworkFlags>(
    {
      summary: "describe a network; it is made when the first container needs it",
      usage: "[options] NAME",
      words: [["NAME", "letters, digits and _ . -"]],
      most: 1,
      flags: {
        subnet: { value: "subnet", many: true, text: "such as 10.9.0.0/24 or fd09::/64; default: a free one of IPv4" },
        gateway: { value: "address", many: true, text: "the bridge's address in a subnet; default: the first one" },
        ipv6: { text: "a subnet of IPv6, too" },
        bridge: { value: "name", text: "the interface's name on the host; default: ct- and the name" },
        mtu: { value: "bytes", text: "of the bridge and of every container" },
        internal: { text: "nothing leaves it or comes in" },
        noMasquerade: { text: "containers are reached, and seen, by their own addresses" },
        label: { value: "name=value", many: true, text: "what it is for; `ct network inspect` tells it" },
        json,
      },
    },
    async () => (await import("./help.ts")).NETWORK_CREATE_HELP,
    async ({ words, flags }, _, globals) => (await import("./networks/create.ts")).create(words[0], flags, globals),
  ),
  ls: command<Json & { readonly quiet?: true }>(
    {
      summary: "list networks",
      usage: "[options]",
      most: 0,
      flags: { quiet: { short: "-q", text: "only their names" }, json },
    },
    none,
    async ({ flags }, _, globals) => (await networks()).list(flags, globals),
  ),
  inspect: command<Json>(
    { summary: "tell all that is known of networks and who is in them, as JSON", ...NAMES, flags: { json } },
    none,
    async ({ words }, _, globals) => (await networks()).inspect(words, globals),
  ),
  rm: command<Json>(
    { summary: "remove networks that no container is in", ...NAMES, flags: { json } },
    none,
    async ({ words, flags }, _, globals) => (await networks()).remove(words, flags.json ?? false, globals),
  ),
  prune: command<Json>(
    { summary: "remove all networks that no container is in", usage: "[options]", most: 0, flags: { json } },
    none,
    async ({ flags }, _, globals) => (await networks()).prune(flags.json ?? false, globals),
  ),
};
