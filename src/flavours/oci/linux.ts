import { invalid, nearest } from "../../errors.ts";
import { absolutePath } from "../../linux/index.ts";
import type { ContainerSpec, IntelRdt, MemoryPolicy, Namespace, NamespaceType, Seccomp } from "../../spec/index.ts";
import type { OciIntelRdt, OciLinux, OciMemoryPolicy } from "./config-linux.ts";
import type { Mutable, Warn } from "./translation.ts";

type Spec = Mutable<ContainerSpec>;

/** The members of `linux` that are the container's own one by one: not its devices and limits. */
export function addLinux(spec: Spec, linux: OciLinux, warn: Warn): void {
  addNamespaces(spec, linux, warn);
  const { maskedPaths, readonlyPaths, sysctl, seccomp, rootfsPropagation, netDevices, mountLabel } = linux;
  if (maskedPaths) spec.maskedPaths = maskedPaths;
  if (readonlyPaths) spec.readonlyPaths = readonlyPaths;
  if (sysctl) spec.sysctl = sysctl;
  if (seccomp && "defaultAction" in seccomp) spec.seccomp = translateSeccomp(seccomp);
  if (rootfsPropagation) spec.rootfsPropagation = translatePropagation(rootfsPropagation);
  if (netDevices) spec.netDevices = translateNetDevices(netDevices);
  if (mountLabel) spec.mountLabel = mountLabel;
  if (linux.intelRdt) spec.intelRdt = translateIntelRdt(linux.intelRdt);
  if (linux.memoryPolicy) spec.memoryPolicy = translateMemoryPolicy(linux.memoryPolicy);
}

function addNamespaces(spec: Spec, linux: OciLinux, warn: Warn): void {
  const namespaces = linux.namespaces ?? [];
  const joined = new Set<NamespaceType>();
  spec.namespaces = namespaces.map(({ type, path }): NamespaceType | Namespace => {
    if (!path) return type;
    if (!path.startsWith("/")) {
      const index = namespaces.findIndex((namespace) => namespace.type === type);
      throw invalid(`linux.namespaces[${index}].path`, path, "an absolute path");
    }
    joined.add(type);
    return { type, path };
  });
  if (linux.timeOffsets) spec.timeOffsets = translateOffsets(linux.timeOffsets);
  addMappings(spec, linux, joined, warn);
}

function addMappings(spec: Spec, linux: OciLinux, joined: ReadonlySet<NamespaceType>, warn: Warn): void {
  const { uidMappings = [], gidMappings = [] } = linux;
  const given = uidMappings.length + gidMappings.length > 0;
  if (joined.has("user")) {
    // containerd and CRI-O write both. The mappings of a namespace cannot be changed, so these could at best say the same.
    if (given) warn("linux.uidMappings, linux.gidMappings: ignored, as the user namespace is joined and has its own");
    return;
  }
  const created = linux.namespaces?.some(({ type }) => type === "user");
  if (!created && !given) return;
  if (uidMappings.length === 0) throw invalid("linux.uidMappings", uidMappings, "mappings for the new user namespace");
  if (gidMappings.length === 0) throw invalid("linux.gidMappings", gidMappings, "mappings for the new user namespace");
  spec.uidMappings = uidMappings;
  spec.gidMappings = gidMappings;
}

function translateOffsets(offsets: NonNullable<OciLinux["timeOffsets"]>): NonNullable<ContainerSpec["timeOffsets"]> {
  for (const clock of Object.keys(offsets)) {
    if (clock === "monotonic" || clock === "boottime") continue;
    throw invalid(`linux.timeOffsets.${clock}`, offsets[clock], 'a clock that can be moved: "monotonic" or "boottime"');
  }
  return offsets;
}

/**
 * Without `flags` runc sets SPEC_ALLOW: otherwise kernels before 5.16 turn on costly protection against speculation for every process with a filter, which
 * those of the host without one do not have either.
 */
function translateSeccomp(profile: Seccomp): Seccomp {
  const { listenerPath, listenerMetadata, ...rest } = profile;
  return {
    flags: ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"],
    ...rest,
    ...(listenerPath && { listenerPath }),
    ...(listenerMetadata && { listenerMetadata }),
  };
}

const PROPAGATION = ["private", "slave", "shared", "unbindable"] as const;

/** With and without the "r" of "recursive" is the same: each mount below the root has a propagation of its own. */
function translatePropagation(text: string): NonNullable<ContainerSpec["rootfsPropagation"]> {
  const found = PROPAGATION.find((name) => text === name || text === `r${name}`);
  if (found) return found;
  const near = nearest(text, PROPAGATION);
  throw invalid(
    "linux.rootfsPropagation",
    text,
    `one of ${PROPAGATION.join(", ")}, or these with "r" in front`,
    near && `did you mean "${near}"?`,
  );
}

const translateNetDevices = (devices: NonNullable<OciLinux["netDevices"]>): NonNullable<ContainerSpec["netDevices"]> =>
  Object.fromEntries(Object.entries(devices).map(([host, { name }]) => [host, name ? { name } : {}]));

function translateIntelRdt(rdt: OciIntelRdt): IntelRdt {
  const { closID, schemata, l3CacheSchema, memBwSchema, enableMonitoring, enableCMT, enableMBM } = rdt;
  const result: Mutable<IntelRdt> = {};
  if (closID) result.closID = closID;
  if (schemata && schemata.length > 0) result.schemata = schemata;
  if (l3CacheSchema) result.l3CacheSchema = l3CacheSchema;
  if (memBwSchema) result.memBwSchema = memBwSchema;
  // The two that were there before 1.3 asked for the same group.
  if (enableMonitoring || enableCMT || enableMBM) result.enableMonitoring = true;
  return result;
}

function translateMemoryPolicy({ mode, nodes, flags }: OciMemoryPolicy): MemoryPolicy {
  const policy: Mutable<MemoryPolicy> = { mode };
  if (nodes) policy.nodes = nodes.replaceAll(" ", "");
  if (flags && flags.length > 0) policy.flags = flags;
  return policy;
}

/** LINUX or LINUX32. "no flag values are supported yet" (config-linux.md, personality). */
export function translatePersonality({ domain, flags = [] }: NonNullable<OciLinux["personality"]>, warn: Warn) {
  if (flags.length > 0) warn(`linux.personality.flags: ignored, as none is defined: ${flags.join(", ")}`);
  if (domain === "LINUX" || domain === "LINUX32") return domain;
  throw invalid("linux.personality.domain", domain, '"LINUX" or "LINUX32"');
}

/** A path that never leaves the place it begins at, whatever ".." it has; absolute ones begin at the top of each hierarchy. */
export function translateCgroupsPath(path: string): string | undefined {
  if (path === "") return undefined;
  const clean = absolutePath(`/${path}`);
  if (clean === "/")
    throw invalid("linux.cgroupsPath", path, "a cgroup below the top, as its limits are the container's");
  return path.startsWith("/") ? clean : clean.slice(1);
}
