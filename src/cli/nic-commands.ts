import { type Command, command } from "./command.ts";

interface Json {
  readonly json?: true;
}

const json = { text: "print it as JSON" } as const;
const NAME = ["NAME", "the container's name; `ct ps` lists them"] as const;
const none = async () => "";
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
  attach: command<Json>(
    {
      summary: "add interfaces to a container that runs",
      usage: "[options] NAME FIELDS...",
      words: [NAME, ["FIELDS", "as --nic of `ct run`: type=veth,name=eth1,master=br0,address=10.0.0.9/24"]],
      flags: { json },
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
