import type { HolderPlace, IdMaps } from "../compile/index.ts";
import { invalid } from "../errors.ts";
import type { ContainerSpec } from "../spec/index.ts";
import { belowHolder, plannedHolder, visitHolder } from "./net-holder.ts";
import type { Surroundings, WhenMade } from "./resolve.ts";

/** Where a container finds an ordinary user's networks. */
export interface ResolvedHolder {
  readonly place: HolderPlace;
  /** Maps of a user namespace, as they are said from the holder's. */
  below(maps: IdMaps): IdMaps;
}

/** The networks are there at least until the container is; without a `whenMade` nothing is made, and so there need be none. */
export async function resolveHolder(
  spec: ContainerSpec,
  surroundings: Surroundings & { readonly whenMade?: WhenMade | undefined },
): Promise<ResolvedHolder> {
  requireUserNamespace(spec);
  const { whenMade } = surroundings;
  if (!whenMade) {
    const { idMaps, ...place } = plannedHolder(surroundings);
    return { place, below: (maps) => belowHolder(maps, idMaps) };
  }
  const { idMaps, release, ...place } = await visitHolder(surroundings);
  whenMade(release);
  return { place, below: (maps) => belowHolder(maps, idMaps) };
}

function requireUserNamespace({ namespaces = [] }: ContainerSpec): void {
  if (namespaces.some((one) => one === "user" || (typeof one === "object" && one.type === "user" && !one.path))) return;
  const expected = "a new user namespace among them: without one it would have root's rights over the networks";
  throw invalid("namespaces", namespaces.length, expected, 'add "user" to namespaces');
}
