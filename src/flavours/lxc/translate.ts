import { LibctError } from "../../errors.ts";
import { absolutePath } from "../../linux/index.ts";
import { type ContainerSpec, type Mount, namespaceOfSysctl } from "../../spec/index.ts";
import { type ImportContext, type Imported, type Settings, settingsOf, signalOf } from "../index.ts";
import { autoMounts } from "./auto-mounts.ts";
import { NO_DEV, translateDev } from "./dev.ts";
import { translateHooks } from "./hooks.ts";
import { idMaps } from "./identity.ts";
import { cgroupsPath, translateLimits } from "./limits.ts";
import { entryMounts } from "./mounts.ts";
import { timeOffsets, translateNamespaces } from "./namespaces.ts";
import { translateNetwork } from "./network.ts";
import { parseConfig } from "./parse.ts";
import { translateProcess } from "./process.ts";
import { rootOptions, translateRoot } from "./root.ts";
import { translateSeccomp } from "./seccomp.ts";
import { reasonFor } from "./unknown.ts";

/**
 * A container of LXC by its configuration file. Reads that file, and those which it names, through `context`.
 * @see lxc.container.conf(5)
 */
export function importLxc(path: string, context: ImportContext): Imported {
  const config = absolutePath(path);
  const settings = settingsOf(parseConfig(config, context));
  const root = translateRoot(settings, context);
  const maps = idMaps(settings);
  const nics = translateNetwork(settings, context);
  const offsets = timeOffsets(settings);
  const namespaces = translateNamespaces(settings, {
    user: maps !== undefined,
    network: nics !== undefined,
    time: offsets !== undefined,
  });
  const has = (type: string) => namespaces.some((one) => one.type === type && one.path === undefined);
  const hooks = translateHooks(settings, { name: context.name, config, root });
  const seccomp = seccompOf(settings, context);
  const hostname = settings.last("lxc.uts.name");
  const sysctl = translateSysctl(settings);
  const spec: ContainerSpec = {
    name: context.name,
    ...(root && { root: root.root, ...rootOptions(settings, root) }),
    namespaces,
    ...maps,
    ...(offsets && { timeOffsets: offsets }),
    ...(hostname === undefined ? {} : { hostname }),
    ...files(settings, has, root, maps, context),
    ...(Object.keys(sysctl).length > 0 ? { sysctl } : {}),
    ...translateLimits(settings, context),
    ...cgroupsPath(settings, context.name),
    ...(seccomp && { seccomp }),
    stopSignal: signalOf("lxc.signal.halt", settings.last("lxc.signal.halt") ?? "SIGPWR"),
    ...(nics && has("network") && Object.keys(nics).length > 0 ? { nics } : {}),
    ...(hooks && { hooks }),
  };
  const process = translateProcess(settings, maps !== undefined, context);
  return { flavour: "lxc", name: context.name, spec, process, notes: settings.notes(reasonFor) };
}

/** Mounts, devices and what is hidden, in the order in which LXC makes them. */
function files(
  settings: Settings,
  has: (type: string) => boolean,
  root: ReturnType<typeof translateRoot>,
  maps: ReturnType<typeof idMaps>,
  context: ImportContext,
): Pick<ContainerSpec, "mounts" | "devices" | "links" | "maskedPaths" | "readonlyPaths"> {
  const auto = autoMounts(settings, {
    ownSysfs: maps === undefined || has("network"),
    cgroupNamespace: has("cgroup"),
  });
  const mapsGroup = (gid: number) =>
    maps?.gidMappings.some(({ containerID, size }) => containerID <= gid && gid < containerID + size) ?? true;
  const entries = entryMounts(settings, root, context);
  // Without a root of its own it has the host's /dev.
  const dev = root === undefined ? NO_DEV : translateDev(settings, mapsGroup);
  const mounts: readonly Mount[] = [...dev.before, ...auto.mounts, ...entries.mounts, ...dev.after];
  return {
    mounts,
    devices: dev.devices,
    links: dev.links,
    ...(entries.maskedPaths.length > 0 ? { maskedPaths: entries.maskedPaths } : {}),
    ...(auto.readonlyPaths.length > 0 ? { readonlyPaths: auto.readonlyPaths } : {}),
  };
}

function translateSysctl(settings: Settings): Readonly<Record<string, string>> {
  const sysctl = new Map<string, string>();
  for (const { key, name, value } of settings.below("lxc.sysctl.")) {
    if (namespaceOfSysctl(name) !== undefined) sysctl.set(name, value);
    else settings.ignore(key, "it belongs to the whole machine, and to no namespace of the container");
  }
  return Object.fromEntries(sysctl);
}

function seccompOf(settings: Settings, { read, arch }: ImportContext): ContainerSpec["seccomp"] {
  const path = settings.last("lxc.seccomp.profile");
  const proxy = settings.last("lxc.seccomp.notify.proxy");
  const cookie = settings.last("lxc.seccomp.notify.cookie");
  if (path === undefined || path === "none") return undefined;
  const text = read(path);
  if (text === undefined) {
    throw new LibctError("ERR_CT_INVALID_SPEC", `the seccomp profile ${path} cannot be read`, {
      path,
      errno: "ENOENT",
      member: "lxc.seccomp.profile",
    });
  }
  const profile = translateSeccomp(text, path, arch, (why) => settings.change("lxc.seccomp.profile", why));
  const listener = proxy?.startsWith("unix:/") ? proxy.slice("unix:".length) : undefined;
  if (proxy !== undefined) {
    settings.change("lxc.seccomp.notify.proxy", "the listener gets the descriptor, and not LXC's messages");
  }
  return {
    ...profile,
    ...(listener === undefined ? {} : { listenerPath: listener }),
    ...(listener === undefined || cookie === undefined ? {} : { listenerMetadata: cookie }),
  };
}
