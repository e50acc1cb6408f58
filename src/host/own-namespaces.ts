import { statSync } from "node:fs";
import { invalid } from "../errors.ts";
import { type ContainerSpec, NAMESPACE_FILES, type NamespaceType, namespaceOfSysctl } from "../spec/index.ts";

/**
 * A namespace that is joined may be given a hostname and kernel parameters, as whoever names it by its path means it. But a path such as /proc/1/ns/net can
 * lead to the namespace that the caller is in: then they would change for the host.
 */
export function refuseChangesOfOwn(spec: ContainerSpec, joined: ReadonlyMap<NamespaceType, string>): void {
  for (const [member, type] of changes(spec)) {
    const path = joined.get(type);
    if (path === undefined || !isOwn(path, type)) continue;
    const expected = `a ${type} namespace of its own with it: ${path} is the host's, and it would change there`;
    throw invalid(member, given(spec, member), expected, `make a new ${type} namespace, or leave ${member} out`);
  }
}

const changes = (spec: ContainerSpec): readonly (readonly [string, NamespaceType])[] => [
  ...(["hostname", "domainname"] as const)
    .filter((name) => spec[name] !== undefined)
    .map((name) => [name, "uts"] as const),
  ...Object.keys(spec.sysctl ?? {}).flatMap((name) => {
    const type = namespaceOfSysctl(name);
    return type === undefined ? [] : [[`sysctl.${name}`, type] as const];
  }),
];

const given = (spec: ContainerSpec, member: string): unknown =>
  member === "hostname" || member === "domainname" ? spec[member] : spec.sysctl?.[member.slice("sysctl.".length)];

/** Two files of one namespace are the same file (namespaces(7)). */
function isOwn(path: string, type: NamespaceType): boolean {
  const [one, own] = [statSync(path), statSync(`/proc/self/ns/${NAMESPACE_FILES[type]}`)];
  return one.ino === own.ino && one.dev === own.dev;
}
