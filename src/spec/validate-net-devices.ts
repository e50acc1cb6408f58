import { invalid } from "../errors.ts";
import type { ContainerSpec } from "./types.ts";

/** IFNAMSIZ with its NUL byte, and the characters of dev_valid_name in net/core/dev.c. */
const NAME = /^(?!\.{1,2}$)[^\s/:%]{1,15}$/;
/** "eth%d": the kernel puts the first free number there. */
const TEMPLATE = /^[^\s/:%]{1,13}%d$/;

/** Interfaces that move, and what they are called then. */
export function checkNetDevices({ netDevices = {}, restart }: ContainerSpec): void {
  const taken = new Set<string>();
  for (const [name, { name: newName = name }] of Object.entries(netDevices)) {
    const member = `netDevices.${name}`;
    if (!NAME.test(name)) throw invalid("netDevices", name, "the name of an interface, such as eth0");
    if (name === "lo")
      throw invalid(member, name, "another interface: each network namespace has a loopback of its own");
    const template = TEMPLATE.test(newName);
    if (!template && !NAME.test(newName)) {
      throw invalid(
        `${member}.name`,
        newName,
        'a name of at most 15 bytes, such as "eth0", or a template such as "eth%d"',
      );
    }
    if (newName === "lo" || (taken.has(newName) && !template)) {
      throw invalid(`${member}.name`, newName, "a name that no other interface of the container has");
    }
    taken.add(newName);
  }
  if (taken.size === 0 || restart === undefined || restart.policy === "no") return;
  throw invalid(
    "restart.policy",
    restart.policy,
    '"no", since the interfaces go with the first run',
    "leave restart out",
  );
}
