import { readFileSync } from "node:fs";
import { parseIpv4Routes, parseIpv6Routes } from "./host-routes.ts";
import type { Taken } from "./network.ts";
import { knownNetworks } from "./store.ts";

const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    // A kernel without IPv6.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
};

/** What of names and addresses is taken on this machine; of the process's own network namespace, which /sys need not show. */
export function readTaken(directory: string): Taken {
  return { networks: knownNetworks(directory), routes: readRoutes(), links: readLinks() };
}

const readRoutes = () => [
  ...parseIpv4Routes(read("/proc/self/net/route")),
  ...parseIpv6Routes(read("/proc/self/net/ipv6_route")).filter(
    ({ device, to }) => device !== "lo" && !isMulticast(to.address),
  ),
];

const isMulticast = (address: Uint8Array) => address[0] === 0xff;

export const readLinks = (): readonly string[] =>
  read("/proc/self/net/dev")
    .split("\n")
    .flatMap((line) => /^\s*([^\s:]+):/.exec(line)?.[1] ?? []);
