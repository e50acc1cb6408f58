import type { NicState } from "../../host/index.ts";
import { type Nic, validateSpec } from "../../spec/index.ts";
import type { Globals } from "../command.ts";
import { parseNic } from "../nic-syntax.ts";
import { print } from "../output.ts";
import { sharedNics } from "../shared-networks.ts";
import { usage } from "../syntax.ts";
import { table } from "../table.ts";
import { forEach, onlyName, withHost } from "./with-host.ts";

interface Json {
  readonly json?: true;
}

const EXAMPLE = "type=veth,name=eth1,master=br0,address=10.0.0.9/24";

/** `ct net ls NAME`: the interfaces as they are now. */
export function list(words: readonly string[], flags: Json, globals: Globals): Promise<number> {
  return withHost(globals, async (host) => {
    const nics = await (await host.open(onlyName(words))).nics.list();
    const rows = nics.map(row);
    const text = flags.json
      ? JSON.stringify(nics)
      : table([["NAME", "KIND", "STATE", "MAC", "MTU", "ADDRESSES", "ROUTES"], ...rows]);
    await print(process.stdout, `${text}\n`);
    return 0;
  });
}

const row = ({ name, kind, up, mac, mtu, addresses, routes }: NicState): string[] => [
  name,
  kind ?? "-",
  up ? "up" : "down",
  mac ?? "-",
  mtu === undefined ? "-" : `${mtu}`,
  addresses.join(" ") || "-",
  routes.map(({ to, via }) => (via === undefined ? to : `${to} via ${via}`)).join(", ") || "-",
];

/** `ct net attach NAME [--network NETWORK] [FIELDS...]`: as --network and --nic of `ct run`. */
export function attach(
  [name, ...words]: readonly string[],
  flags: Json & { readonly network: readonly string[] },
  globals: Globals,
): Promise<number> {
  if (name === undefined || words.length + flags.network.length === 0)
    throw usage("a container and an interface are needed", `ct net attach web ${EXAMPLE}`);
  const shared = sharedNics(flags.network, false);
  return forEach({ names: [name], globals, json: flags.json ?? false }, async (container) => {
    const taken = new Set((await container.nics.list()).map((nic) => nic.name));
    const attached: string[] = [];
    const add = async (nicName: string, nic: Nic) => {
      await container.nics.attach(nicName, nic);
      taken.add(nicName);
      attached.push(nicName);
    };
    for (const nic of shared) await add(`eth${firstFree(taken)}`, nic);
    for (const word of words) {
      const { name: nicName, nic } = parseNic(word, firstFree(taken));
      // What is in it is checked where it is used.
      await add(nicName, nic as unknown as Nic);
    }
    return { attached };
  });
}

/** eth0, eth1 and so on, where the word names none. */
function firstFree(taken: ReadonlySet<string>): number {
  let number = 0;
  while (taken.has(`eth${number}`)) number++;
  return number;
}

/** `ct net detach NAME NIC...` */
export function detach([name, ...nics]: readonly string[], flags: Json, globals: Globals): Promise<number> {
  if (name === undefined || nics.length === 0)
    throw usage("a container and the name of an interface are needed", "ct net detach web eth1");
  return forEach({ names: [name], globals, json: flags.json ?? false }, async (container) => {
    for (const nic of nics) await container.nics.detach(nic);
    return { detached: nics };
  });
}

/** `ct net check NAME NIC...`: by the CNI plugins that have made them. */
export function check([name, ...nics]: readonly string[], flags: Json, globals: Globals): Promise<number> {
  if (name === undefined || nics.length === 0)
    throw usage("a container and the name of an interface are needed", "ct net check web eth0");
  return forEach({ names: [name], globals, json: flags.json ?? false }, async (container) => {
    for (const nic of nics) await container.nics.check(nic);
    return { checked: nics };
  });
}

/** `ct net events NAME`: a line for each, until the container has ended. */
export function events(words: readonly string[], flags: Json, globals: Globals): Promise<number> {
  return withHost(globals, async (host) => {
    const stop = new AbortController();
    process.once("SIGINT", () => stop.abort());
    const container = await host.open(onlyName(words));
    for await (const event of container.nics.events({ signal: stop.signal })) {
      const time = new Date().toISOString();
      const line = flags.json ? JSON.stringify({ time, ...event }) : `${time} ${event.name} ${event.type}`;
      await print(process.stdout, `${line}\n`);
    }
    return 0;
  });
}

/** `ct net set NAME name=NIC,FIELDS`: what is named is changed, all or nothing. */
export function set([name, word]: readonly string[], flags: Json, globals: Globals): Promise<number> {
  if (name === undefined || word === undefined || !/(^|,)name=/.test(word))
    throw usage("a container and a change are needed", "ct net set web name=eth0,mtu=1400,address=10.0.0.9/24");
  const { name: nicName, nic } = parseNic(word, 0);
  // The members that every interface has are those of one without a wire.
  const { nics = {} } = validateSpec({
    namespaces: ["network"],
    nics: { [nicName]: { type: nicName === "lo" ? "loopback" : "dummy", ...nic } },
  });
  const change = nics[nicName] ?? {};
  return forEach({ names: [name], globals, json: flags.json ?? false }, async (container) => {
    await container.nics.set(nicName, change);
    return { changed: nicName };
  });
}
