import { invalid } from "../../errors.ts";
import { type ContainerSpec, NAMESPACE_FILES, type Namespace, type NamespaceType } from "../../spec/index.ts";
import type { Settings } from "../index.ts";

export interface Wanted {
  readonly user: boolean;
  readonly network: boolean;
  readonly time: boolean;
}

/** lxc.namespace.*: new ones of every type, but for those that are kept or shared. */
export function translateNamespaces(settings: Settings, wanted: Wanted): readonly Namespace[] {
  const namespaces = new Map<NamespaceType, Namespace>();
  for (const type of ["user", "mount", "pid", "network", "ipc", "uts", "cgroup", "time"] as const) {
    if ((type === "user" || type === "network" || type === "time") && !wanted[type]) continue;
    namespaces.set(type, { type });
  }
  const cloned = typesOf(settings, "lxc.namespace.clone");
  if (cloned) for (const type of [...namespaces.keys()]) if (!cloned.has(type)) namespaces.delete(type);
  for (const type of typesOf(settings, "lxc.namespace.keep") ?? []) namespaces.delete(type);
  for (const { key, name, value } of settings.below("lxc.namespace.share.")) {
    const type = typeOf(key, name);
    if (/^\d+$/.test(value)) namespaces.set(type, { type, path: `/proc/${value}/ns/${NAMESPACE_FILES[type]}` });
    else settings.ignore(key, "the container of LXC is not looked for: give the pid of a process of it");
  }
  return [...namespaces.values()];
}

function typesOf(settings: Settings, key: string): ReadonlySet<NamespaceType> | undefined {
  const value = settings.last(key);
  return value === undefined ? undefined : new Set(value.split(/\s+/).map((name) => typeOf(key, name)));
}

function typeOf(key: string, name: string): NamespaceType {
  const types = Object.keys(NAMESPACE_FILES) as readonly NamespaceType[];
  const found = types.find((type) => type === name || NAMESPACE_FILES[type] === name);
  if (found === undefined) throw invalid(key, name, `one of ${Object.values(NAMESPACE_FILES).join(", ")}`);
  return found;
}

/** lxc.time.offset.boot and lxc.time.offset.monotonic. */
export function timeOffsets(settings: Settings): ContainerSpec["timeOffsets"] {
  const boottime = offset(settings, "lxc.time.offset.boot");
  const monotonic = offset(settings, "lxc.time.offset.monotonic");
  if (!boottime && !monotonic) return undefined;
  return { ...(boottime && { boottime }), ...(monotonic && { monotonic }) };
}

/** Nanoseconds of each unit. */
const UNITS: Readonly<Record<string, number>> = { h: 3600e9, m: 60e9, s: 1e9, ms: 1e6, us: 1e3, ns: 1 };

function offset(settings: Settings, key: string): { readonly secs: number; readonly nanosecs: number } | undefined {
  const value = settings.last(key);
  if (value === undefined) return undefined;
  const [, number, unit = "s"] = /^(-?\d+) *(h|m|s|ms|us|ns)?$/.exec(value) ?? [];
  if (number === undefined) throw invalid(key, value, "a number and one of h, m, s, ms, us, ns");
  const total = Number(number) * (UNITS[unit] ?? 1);
  const secs = Math.floor(total / 1e9);
  return { secs, nanosecs: total - secs * 1e9 };
}
