import { invalid } from "../errors.ts";
import { parseIp } from "../linux/index.ts";
import type { ContainerSpec } from "./types.ts";

/** Kinds of interfaces that traffic for a port of the host's can be sent on to. */
const PUBLISHING: readonly string[] = ["network", "pasta", "slirp4netns", "cni"];

/** What a container has of the host's ports, and what it is told of names. */
export function checkPorts({ ports = [], hosts = {}, nics = {} }: ContainerSpec): void {
  for (const [name, address] of Object.entries(hosts)) {
    if (parseIp(address) === undefined) throw invalid(`hosts.${name}`, address, "an address");
  }
  for (const [index, { containerPort, hostPort, range = 1 }] of ports.entries()) {
    for (const [member, first] of [
      ["containerPort", containerPort],
      ["hostPort", hostPort ?? 1],
    ] as const) {
      if (first + range - 1 > 65535)
        throw invalid(`ports[${index}].range`, range, `a number of ports from ${member} on, up to 65535`);
    }
  }
  const publishes = Object.values(nics).some((nic) => "type" in nic && PUBLISHING.includes(nic.type));
  if (ports.length > 0 && !publishes) {
    throw invalid(
      "ports",
      ports.length,
      "none, since no interface of the container can be reached from outside",
      'add an interface of type "network" to nics',
    );
  }
}
