import { createServer } from "node:net";
import { invalid } from "../../errors.ts";
import type { ContainerSpec, Nic, PublishedPort } from "../../spec/index.ts";

/** A port of the host's that leads to one of the container's; `range` of them when there are several in a row. */
export interface UserModePort {
  /** An address of the host. Undefined: all of them */
  readonly hostIP: string | undefined;
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: "tcp" | "udp";
  readonly range: number;
}

/** With all that was left to libct. */
export async function userModePorts(ports: readonly PublishedPort[]): Promise<readonly UserModePort[]> {
  return (await withFreePorts(ports)).map(({ hostIP, hostPort, containerPort, protocol = "tcp", range = 1 }, index) => {
    if (protocol !== "sctp") return { hostIP, hostPort, containerPort, protocol, range };
    const expected = "tcp or udp, as no program for ordinary users sends on another one";
    throw invalid(`ports[${index}].protocol`, protocol, expected);
  });
}

async function withFreePorts(
  ports: readonly PublishedPort[],
): Promise<readonly (PublishedPort & { readonly hostPort: number })[]> {
  const whole = [];
  for (const [index, port] of ports.entries()) {
    if (port.hostPort === undefined && (port.range ?? 1) > 1)
      throw invalid(`ports[${index}].hostPort`, port.hostPort, "the first port of the host, with more than one");
    whole.push({ ...port, hostPort: port.hostPort ?? (await freePort()) });
  }
  return whole;
}

/** The same with a port of the host's for each, which others can be told of, when a program listens for the container, or plugins send on. */
export async function withOwnPorts(spec: ContainerSpec): Promise<ContainerSpec> {
  if (!publishesByNic(spec) || !spec.ports?.some(({ hostPort }) => hostPort === undefined)) return spec;
  return { ...spec, ports: await withFreePorts(spec.ports) };
}

/** It is not managed networks that publish its ports. */
export const publishesByNic = ({ nics = {} }: ContainerSpec): boolean =>
  publishingNic(nics) !== undefined && !Object.values(nics).some((nic) => "type" in nic && nic.type === "network");

/** Whose maker sends on what comes to the ports of the host's. */
export const publishingNic = (nics: NonNullable<ContainerSpec["nics"]>): Nic | undefined =>
  Object.values(nics).find(isUserModeNic) ?? Object.values(nics).find((nic) => "type" in nic && nic.type === "cni");

export const isUserModeNic = (nic: Nic): boolean =>
  "type" in nic && (nic.type === "pasta" || nic.type === "slirp4netns");

/** One that the kernel would give. Somebody may take it before the container does: then its start says so. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, () => {
      const address = server.address();
      const port = typeof address === "object" && address ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
