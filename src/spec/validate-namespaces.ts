import { invalid } from "../errors.ts";
import type { ContainerSpec, NamespaceType } from "./types.ts";

/** Which namespaces a spec makes, and which it joins. */
export interface NamespaceUse {
  readonly created: ReadonlySet<NamespaceType>;
  readonly joined: ReadonlySet<NamespaceType>;
}

export function namespaceUse(spec: ContainerSpec): NamespaceUse {
  const created = new Set<NamespaceType>();
  const joined = new Set<NamespaceType>();
  (spec.namespaces ?? []).forEach((namespace, index) => {
    const { type, path } = typeof namespace === "string" ? { type: namespace, path: undefined } : namespace;
    if (created.has(type) || joined.has(type)) {
      throw invalid(`namespaces[${index}]`, namespace, `each type of namespace once, but "${type}" is there already`);
    }
    (path === undefined ? created : joined).add(type);
  });
  return { created, joined };
}

/** What a member needs a namespace for: said as what would happen without. "either": a joined one will do. */
interface Need {
  readonly member: keyof ContainerSpec;
  readonly type: NamespaceType;
  readonly kind: "new" | "either";
  readonly otherwise: string;
}

const NEEDS: readonly Need[] = [
  { member: "mounts", type: "mount", kind: "either", otherwise: "they would be made on the host" },
  { member: "devices", type: "mount", kind: "either", otherwise: "they would be made on the host" },
  { member: "maskedPaths", type: "mount", kind: "either", otherwise: "they would be hidden from the host" },
  { member: "readonlyPaths", type: "mount", kind: "either", otherwise: "they would become read-only on the host" },
  { member: "readonlyRoot", type: "mount", kind: "new", otherwise: "the root would become read-only for others" },
  { member: "rootfsPropagation", type: "mount", kind: "new", otherwise: "the mounts of others would change" },
  { member: "mountLabel", type: "mount", kind: "either", otherwise: "nothing of its own is mounted" },
  { member: "netDevices", type: "network", kind: "either", otherwise: "they would stay where they are" },
  { member: "nics", type: "network", kind: "new", otherwise: "they would be made on the host" },
  // Of a joined namespace it is what its name asks for: podman gives each container of a pod the pod's hostname.
  { member: "hostname", type: "uts", kind: "either", otherwise: "others would be renamed" },
  { member: "domainname", type: "uts", kind: "either", otherwise: "others would be renamed" },
  { member: "timeOffsets", type: "time", kind: "new", otherwise: "only its clocks can be set" },
  { member: "uidMappings", type: "user", kind: "new", otherwise: "only its ids can be mapped" },
  { member: "gidMappings", type: "user", kind: "new", otherwise: "only its ids can be mapped" },
];

/** Refuses every member that would have no effect, or one on the host, because its namespace is missing. */
export function checkNamespaceNeeds(spec: ContainerSpec, use: NamespaceUse): void {
  for (const need of NEEDS) {
    // Without interfaces too it asks for the loopback.
    if (isUsed(spec[need.member]) || (need.member === "nics" && spec.nics))
      requireNamespace(need, spec[need.member], use);
  }
  const { root, rootMode, links } = spec;
  if (rootMode !== undefined && root === undefined) {
    throw invalid("rootMode", rootMode, "a root with it, as it says how that is entered", "add `root`");
  }
  if (rootMode === "pivot" || rootMode === "move") {
    const otherwise = "it would change the root of the whole host";
    requireNamespace({ member: "rootMode", type: "mount", kind: "either", otherwise }, rootMode, use);
  }
  if (typeof root === "object") {
    requireNamespace(
      { member: "root", type: "mount", kind: "either", otherwise: "its mounts would be made on the host" },
      root.type,
      use,
    );
  }
  if (isUsed(links) && root === undefined) {
    const otherwise = "without a root they would be made on the host";
    requireNamespace({ member: "links", type: "mount", kind: "either", otherwise }, links, use);
  }
}

export function requireNamespace(
  need: Omit<Need, "member"> & { readonly member: string },
  value: unknown,
  use: NamespaceUse,
): void {
  const { member, type, kind, otherwise } = need;
  if (use.created.has(type) || (kind === "either" && use.joined.has(type))) return;
  const expected = `a ${kind === "new" ? "new " : ""}${type} namespace with it: otherwise ${otherwise}`;
  const hint = use.joined.has(type)
    ? `the ${type} namespace is joined: leave ${member} out, or the path of the namespace`
    : `add "${type}" to namespaces`;
  throw invalid(member, value, expected, hint);
}

function isUsed(value: unknown): boolean {
  if (value === undefined || value === false) return false;
  if (Array.isArray(value)) return value.length > 0;
  return typeof value !== "object" || value === null || Object.keys(value).length > 0;
}
