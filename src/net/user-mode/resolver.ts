import type { ContainerSpec } from "../../spec/index.ts";
import { PASTA_DNS } from "./pasta.ts";
import { slirpDns } from "./slirp4netns.ts";

/**
 * Which name server a container with user-mode networking has, if nothing else is said: the program asks the host's own ones, also those on its loopback. On an
 * ordinary user's networks it is the one that connects them.
 */
export function withUserModeResolver(spec: ContainerSpec, holder: "pasta" | "slirp4netns" | undefined): ContainerSpec {
  const server = serverOf(spec, holder);
  if (server === undefined || spec.dns?.servers !== undefined) return spec;
  return { ...spec, dns: { ...spec.dns, servers: [server] } };
}

function serverOf({ nics = {} }: ContainerSpec, holder: "pasta" | "slirp4netns" | undefined): string | undefined {
  for (const [name, nic] of Object.entries(nics)) {
    if (!("type" in nic)) continue;
    if (nic.type === "pasta") return PASTA_DNS;
    if (nic.type === "slirp4netns") return slirpDns(nic, name);
    if (nic.type === "network" && holder !== undefined)
      return holder === "pasta" ? PASTA_DNS : slirpDns({ type: "slirp4netns" }, name);
  }
  return undefined;
}
