/** From a specification with managed networks to one without, and to what the monitor does besides. */
import type { ContainerSpec, Nic, PlannedNic, PublishedPort } from "../../spec/index.ts";
import { asVeth, beforeJoining, isManaged, type Joined, joinNetworks, leadingOut, type Tried } from "./join.ts";
import { nameMounts, namesIn } from "./names.ts";
import type { NetworkPlaces } from "./places.ts";
import { publishPorts, requireOutside, type WithHostPort, withHostPorts } from "./publish.ts";

export interface PlannedNetworks {
  /** With interfaces as any user could have described them, and the files with names as mounts. */
  readonly spec: ContainerSpec;
  readonly before: readonly PlannedNic[];
  readonly after: readonly PlannedNic[];
  readonly joined: readonly Joined[];
  /** With the ports of the host. */
  readonly ports: readonly PublishedPort[];
}

/** Whether anything of it is for managed networks. */
export const needsNetworks = ({ nics = {}, hosts, dns }: ContainerSpec): boolean =>
  hosts !== undefined || dns !== undefined || Object.values(nics).some(isManaged);

export function planNetworks(
  spec: ContainerSpec,
  containerName: string,
  places: NetworkPlaces,
  tried: Tried,
  byPasta: boolean,
): PlannedNetworks {
  const joined = joinNetworks(spec, containerName, places, tried);
  const out = leadingOut(spec, joined);
  const nics = Object.entries(spec.nics ?? {}).map(([name, nic]): readonly [string, Nic] => {
    const place = joined.find((one) => one.nic === name);
    return [name, place && isManaged(nic) ? asVeth(nic, place, place === out) : nic];
  });
  const reached = joined.find(({ network }) => !network.internal) ?? joined[0];
  const ports = reached && spec.ports ? withHostPorts(spec.ports, tried, Math.random) : [];
  const mounts = nameMounts(spec, containerName, joined, places);
  return {
    spec: {
      ...spec,
      ...(spec.nics ? { nics: Object.fromEntries(nics) } : {}),
      ...(mounts.length > 0 ? { mounts: [...(spec.mounts ?? []), ...mounts] } : {}),
    },
    before: joined.map((one) => beforeJoining(one, namesIn(spec, containerName, one.nic), tried.all ?? false, places)),
    after: reached && ports.length > 0 ? plansOf(ports, reached, byPasta) : [],
    joined,
    ports,
  };
}

/** An ordinary user's are published by somebody else, and not by rules. */
function plansOf(ports: readonly WithHostPort[], reached: Joined, byPasta: boolean): readonly PlannedNic[] {
  requireOutside(reached, ports);
  return byPasta ? [] : publishPorts(ports, reached);
}
