/** Ports of the host's that are sent on to a container. */
import { invalid } from "../../errors.ts";
import { parseIpPrefix } from "../../linux/index.ts";
import type { NetStep, PlannedNic, PublishedPort } from "../../spec/index.ts";
import type { Joined, Tried } from "./join.ts";
import { loopbackToPorts } from "./make.ts";
import { undoFile } from "./places.ts";
import { publishBatch, singlePorts, withdrawBatch } from "./ports.ts";

/** Where no port of the host is said, one of those that nobody is given to expect anything at (RFC 6335, section 6). */
const DYNAMIC = { first: 49152, last: 65535 } as const;

export type WithHostPort = PublishedPort & { readonly hostPort: number };

export function withHostPorts(
  ports: readonly PublishedPort[],
  { ports: taken }: Pick<Tried, "ports">,
  random: () => number,
): readonly WithHostPort[] {
  const used = new Set(taken);
  return ports.map((port) => {
    if (port.hostPort !== undefined) return { ...port, hostPort: port.hostPort };
    const { range = 1 } = port;
    const count = DYNAMIC.last - DYNAMIC.first + 2 - range;
    let hostPort = DYNAMIC.first + Math.floor(random() * count);
    const isUsed = (first: number) =>
      Array.from({ length: range }, (_, step) => first + step).some((one) => used.has(one));
    for (let step = 0; step < count && isUsed(hostPort); step++)
      hostPort = hostPort + range > DYNAMIC.last ? DYNAMIC.first : hostPort + 1;
    for (let step = 0; step < range; step++) used.add(hostPort + step);
    return { ...port, hostPort };
  });
}

export function requireOutside({ network }: Pick<Joined, "network">, ports: readonly PublishedPort[]): void {
  if (network.internal)
    throw invalid("ports", ports.length, `none, since nothing comes into the internal network ${network.name}`);
}

/** Each port is bound first, so that one which somebody has is an error before anything is made. How it is undone is written down before it is done. */
export function publishPorts(
  ports: readonly WithHostPort[],
  { network, directory, lease, addresses }: Joined,
  undoPath = `${directory}/${undoFile(lease)}`,
): readonly PlannedNic[] {
  const own = addresses.flatMap((text) => parseIpPrefix(text)?.address ?? []);
  const all = singlePorts(ports, own, (index) => ports[index]?.hostPort ?? 0);
  const put: NetStep = {
    do: "put",
    path: undoPath,
    at: 0,
    content: withdrawBatch(all),
    create: 0o600,
    why: "write down how the ports are taken away again",
  };
  const publish: NetStep = { do: "nftables", batch: publishBatch(all), why: "publish the ports" };
  const binds = all.map(
    ({ protocol, address, hostPort, to, index }): PlannedNic => ({
      member: `ports[${index}]`,
      setUp: [
        {
          do: "bind",
          protocol,
          address: address ?? new Uint8Array(to.length),
          port: hostPort,
          why: `take the port ${hostPort}/${protocol}`,
        },
      ],
    }),
  );
  return [...binds, { member: "ports", setUp: [...loopbackToPorts(network), put, publish] }];
}
