import { readlinkSync } from "node:fs";
import type { CgroupDirectory, CgroupScope } from "../cgroup/index.ts";
import { invalid } from "../errors.ts";
import type { ProcessIdentity } from "../records/index.ts";
import type { IdMapping, NamespaceType } from "../spec/index.ts";
import { type ContainerSpec, NAMESPACE_FILES } from "../spec/index.ts";
import { ended } from "./not-running.ts";
import { type PinnedProcess, pinProcess } from "./pinned-process.ts";

/** A container that runs, whoever has started it: all that is needed to enter it or to change it. */
export interface RunningContainer {
  readonly name: string;
  readonly init: ProcessIdentity;
  readonly spec: ContainerSpec;
  /** The directories of its cgroups on the host. */
  readonly cgroups: readonly Pick<CgroupDirectory, "path" | "version">[];
  /** systemd's unit for them. */
  readonly scope?: CgroupScope | undefined;
}

/** Holds the container's first process while `use` works with it. When that fails because the container has ended meanwhile, the error says so. */
export async function withTarget<T>(
  container: RunningContainer,
  use: (target: PinnedProcess) => Promise<T>,
): Promise<T> {
  const target = pinProcess(container.init);
  if (!target) throw ended(container.name);
  try {
    return await use(target);
  } catch (error) {
    if (isGone(target)) throw ended(container.name, error);
    throw error;
  } finally {
    target.close();
  }
}

/** A process that ends loses its root and its namespaces before it becomes a zombie: it has ended as soon as there is nothing left to enter. */
function isGone({ path }: PinnedProcess): boolean {
  try {
    for (const link of ["root", "ns/mnt"]) readlinkSync(`/proc/${path}/${link}`);
    return false;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" || code === "ESRCH";
  }
}

/** The types of namespaces that the container does not share with whoever made it. */
export function namespacesOf(spec: ContainerSpec): ReadonlySet<NamespaceType> {
  return new Set((spec.namespaces ?? []).map((one) => (typeof one === "string" ? one : one.type)));
}

/** Those of the container that are to be entered: by default all. */
export function chooseNamespaces(
  spec: ContainerSpec,
  wanted: readonly NamespaceType[] | undefined,
  target: PinnedProcess,
): ReadonlySet<NamespaceType> {
  const own = namespacesOf(spec);
  const chosen = new Set(wanted ?? own);
  wanted?.forEach((type, index) => {
    if (own.has(type)) return;
    const others = [...own].map((name) => JSON.stringify(name)).join(", ");
    throw invalid(
      `namespaces[${index}]`,
      type,
      own.size > 0 ? `one that the container has: ${others}` : "none, as the container has none",
    );
  });
  // setns(2): nobody may enter the user namespace again that he is in.
  if (chosen.has("user") && isOwn("user", target)) chosen.delete("user");
  return chosen;
}

function isOwn(type: NamespaceType, { path }: PinnedProcess): boolean {
  const file = `ns/${NAMESPACE_FILES[type]}`;
  return readlinkSync(`/proc/self/${file}`) === readlinkSync(`/proc/${path}/${file}`);
}

/** The maps of a user namespace as they are now. */
export function readIdMaps(target: PinnedProcess) {
  return {
    uid: parseIdMap(target.read("uid_map")),
    gid: parseIdMap(target.read("gid_map")),
    denySetgroups: target.read("setgroups").trim() === "deny",
  };
}

/** Lines of: first id inside, first id outside, count (user_namespaces(7)). */
function parseIdMap(text: string): readonly IdMapping[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line) => {
    const [containerID = 0, hostID = 0, size = 0] = line.trim().split(/\s+/).map(Number);
    return { containerID, hostID, size };
  });
}
