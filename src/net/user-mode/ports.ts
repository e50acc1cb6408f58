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
  const whole: UserModePort[] = [];
  for (const [index, { containerPort, hostPort, hostIP, protocol = "tcp", range = 1 }] of ports.entries()) {
    if (protocol === "sctp") {
      const expected = "tcp or udp, as no program for ordinary users sends on another one";
      throw invalid(`ports[${index}].protocol`, protocol, expected);
    }
    if (hostPort === undefined && range > 1)
      throw invalid(`ports[${index}].hostPort`, hostPort, "the first port of the host, with more than one");
    whole.push({ hostIP, hostPort: hostPort ?? (await freePort()), containerPort, protocol, range });
  }
  return whole;
}

/** The same with a port of the host's for each, which others can be told of, when a program listens for the container. */
export async function withUserModePorts(spec: ContainerSpec): Promise<ContainerSpec> {
  const listens = Object.values(spec.nics ?? {}).some(isUserModeNic);
  if (!listens || !spec.ports?.some(({ hostPort }) => hostPort === undefined)) return spec;
  const whole = await userModePorts(spec.ports);
  return { ...spec, ports: spec.ports.map((port, index) => ({ ...port, hostPort: whole[index]?.hostPort ?? 0 })) };
}

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
