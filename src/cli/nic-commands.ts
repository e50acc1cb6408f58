import { type Command, command } from "./command.ts";

interface Json {
  readonly json?: true;
}

interface AttachFlags extends Json {
  readonly network: readonly string[];
}

const json = { text: "print it as JSON" } as const;
const NAME = ["NAME", "the container's name; `ct ps` lists them"] as const;
const none = async () => "";
const ports = () => import("./containers/ports.ts");
const nics = () => import("./containers/nics.ts");

/** `ct net`: the interfaces of containers that run. */
export const NIC_COMMANDS: Readonly<Record<string, Command>> = {
  ls: command<Json>(
    {
      summary: "list the interfaces of a container that runs",
      usage: "[options] NAME",
      words: [NAME],
      most: 1,
      flags: { json },
    },
    none,
    async ({ words, flags }, _, globals) => (await nics()).list(words, flags, globals),
  ),
  attach: command<AttachFlags>(
    {
      summary: "add interfaces to a container that runs",
      usage: "[options] NAME [FIELDS...]",
      words: [NAME, ["FIELDS", "as --nic of `ct run`: type=veth,name=eth1,master=br0,address=10.0.0.9/24"]],
      flags: {
        network: { value: "network", many: true, text: "NAME[:ip=ADDRESS,alias=NAME] of `ct network ls`" },
        json,
      },
    },
    none,
    async ({ words, flags }, _, globals) => (await nics()).attach(words, flags, globals),
  ),
  detach: command<Json>(
    {
      summary: "take interfaces away from a container that runs",
      usage: "[options] NAME NIC...",
      words: [NAME, ["NIC", "its name in the container"]],
      flags: { json },
    },
    none,
    async ({ words, flags }, _, globals) => (await nics()).detach(words, flags, globals),
  ),
  publish: command<Json>(
    {
      summary: "publish ports of a container that runs and is on a managed network",
      usage: "[options] NAME PORT...",
      words: [NAME, ["PORT", "as --publish of `ct run`: [IP:][HOST:]CONTAINER[/PROTOCOL], such as 8080:80"]],
      flags: { json },
    },
    none,
    async ({ words, flags }, _, globals) => (await ports()).publish(words, flags, globals),
  ),
  unpublish: command<Json>(
    {
      summary: "take ports away that were published while the container ran",
      usage: "[options] NAME PORT...",
      words: [NAME, ["PORT", "[IP:]HOST[/PROTOCOL], such as 8080 or 53/udp; of a range the first one"]],
      flags: { json },
    },
    none,
    async ({ words, flags }, _, globals) => (await ports()).unpublish(words, flags, globals),
  ),
  check: command<Json>(
    {
      summary: "ask CNI plugins whether the interfaces that they have made are as they should be",
      usage: "[options] NAME NIC...",
      words: [NAME, ["NIC", "its name in the container"]],
      flags: { json },
    },
    none,
    async ({ words, flags }, _, globals) => (await nics()).check(words, flags, globals),
  ),
  events: command<Json>(
    {
      summary: "tell what happens to the interfaces of a container, until it has ended",
      usage: "[options] NAME",
      words: [NAME],
      most: 1,
      flags: { json },
    },
    none,
    async ({ words, flags }, _, globals) => (await nics()).events(words, flags, globals),
  ),
  set: command<Json>(
    {
      summary: "change an interface of a container that runs: all that is named, or nothing",
      usage: "[options] NAME FIELDS",
      words: [NAME, ["FIELDS", "name=eth0,mtu=1400,mac=02:...,address=10.0.0.9/24,gateway=10.0.0.1,up=false"]],
      most: 2,
      flags: { json },
    },
    async () => "\nOf addresses and of routes all are named that the interface is to have.",
    async ({ words, flags }, _, globals) => (await nics()).set(words, flags, globals),
  ),
};
