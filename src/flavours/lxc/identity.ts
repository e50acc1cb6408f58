import { invalid } from "../../errors.ts";
import type { CapabilitySets, IdMapping } from "../../spec/index.ts";
import { capabilityNames, type ImportContext, type Settings, setsOf, withoutCapabilities } from "../index.ts";

export interface IdMaps {
  readonly uidMappings: readonly IdMapping[];
  readonly gidMappings: readonly IdMapping[];
}

/** lxc.idmap: u, g or b (both), the first id inside, the first outside, how many. */
export function idMaps(settings: Settings): IdMaps | undefined {
  const [uidMappings, gidMappings]: [IdMapping[], IdMapping[]] = [[], []];
  for (const value of settings.all("lxc.idmap")) {
    const [, kind, inside, outside, size] = /^([ugb])\s+(\d+)\s+(\d+)\s+(\d+)$/.exec(value) ?? [];
    if (kind === undefined) throw invalid("lxc.idmap", value, '"u", "g" or "b" and three numbers: u 0 100000 65536');
    const mapping = { containerID: Number(inside), hostID: Number(outside), size: Number(size) };
    if (kind !== "g") uidMappings.push(mapping);
    if (kind !== "u") gidMappings.push(mapping);
  }
  return uidMappings.length + gidMappings.length > 0 ? { uidMappings, gidMappings } : undefined;
}

/** lxc.cap.drop and lxc.cap.keep: what the first process has. */
export function capabilities(
  settings: Settings,
  userNamespace: boolean,
  root: boolean,
  context: ImportContext,
): CapabilitySets {
  const all = context.capabilities(userNamespace);
  const kept = words(settings, "lxc.cap.keep");
  const dropped = words(settings, "lxc.cap.drop");
  if (kept && dropped) {
    throw invalid("lxc.cap.keep", kept.join(" "), "lxc.cap.keep or lxc.cap.drop, and not both");
  }
  // "none" clears what was kept up to it.
  const names = kept?.slice(kept.lastIndexOf("none") + 1);
  if (names) {
    const asked = known(settings, "lxc.cap.keep", names);
    return setsOf(
      all.filter((name) => asked.includes(name)),
      root,
    );
  }
  return setsOf(withoutCapabilities(all, known(settings, "lxc.cap.drop", dropped ?? [])), root);
}

function words(settings: Settings, key: string): readonly string[] | undefined {
  const values = settings.all(key);
  return values.length === 0 ? undefined : values.flatMap((value) => value.split(/\s+/));
}

function known(settings: Settings, key: string, asked: readonly string[]): readonly string[] {
  const { names, unknown } = capabilityNames(asked);
  if (unknown.length > 0) settings.ignore(key, `no capability is called ${unknown.join(", ")}`);
  return names;
}

export interface Labels {
  readonly apparmorProfile?: string;
  readonly selinuxLabel?: string;
}

/** The labels of security modules, where the machine has these. */
export function labels(settings: Settings, { apparmor, selinux }: ImportContext): Labels {
  const profile = settings.last("lxc.apparmor.profile");
  const context = settings.last("lxc.selinux.context");
  const free = profile === undefined || profile === "unconfined" || profile === "unchanged";
  if (profile === "generated") settings.ignore("lxc.apparmor.profile", "libct writes no AppArmor profiles");
  else if (!free && !apparmor) settings.ignore("lxc.apparmor.profile", "this machine has no AppArmor");
  const label = context === undefined || context === "unconfined_t" ? undefined : context;
  if (label !== undefined && !selinux) settings.ignore("lxc.selinux.context", "this machine has no SELinux");
  return {
    ...(free || profile === "generated" || !apparmor ? {} : { apparmorProfile: profile }),
    ...(label === undefined || !selinux ? {} : { selinuxLabel: label }),
  };
}
