import { absolutePath } from "../../linux/index.ts";
import { isMountOption, type Mount } from "../../spec/index.ts";
import type { OciMount } from "./config.ts";
import type { Mutable, Warn } from "./translation.ts";

export const translateMounts = (mounts: readonly OciMount[], bundle: string, warn: Warn): readonly Mount[] =>
  mounts.map((mount, index) => translateMount(mount, bundle, `mounts[${index}]`, warn));

function translateMount(mount: OciMount, bundle: string, member: string, warn: Warn): Mount {
  const { type, source, uidMappings, gidMappings } = mount;
  const options = optionsOf(mount, member, warn);
  const bind = isBind(options);
  const result: Mutable<Mount> = { destination: destinationOf(mount, member, warn) };
  // "the type is a dummy, often none" (config.md, POSIX-platform mounts).
  if (type && !bind) result.type = type;
  if (source) result.source = bind && !source.startsWith("/") ? absolutePath(`${bundle}/${source}`) : source;
  if (options.length > 0) result.options = options;
  // Users of an image expect its /tmp or /root to be as it was (runc, createMountpoint).
  if (type === "tmpfs" && !bind) result.keepMode = true;
  if (uidMappings && uidMappings.length > 0) result.uidMappings = uidMappings;
  if (gidMappings && gidMappings.length > 0) result.gidMappings = gidMappings;
  return result;
}

const isBind = (options: readonly string[]) => options.includes("bind") || options.includes("rbind");

/** Versions before 1.2 wanted it absolute, and runc has always taken others. */
function destinationOf({ destination }: OciMount, member: string, warn: Warn): string {
  if (destination.startsWith("/")) return destination;
  const absolute = absolutePath(`/${destination}`);
  warn(`${member}.destination: ${JSON.stringify(destination)} is not absolute, ${absolute} is taken`);
  return absolute;
}

function optionsOf({ type, options = [] }: OciMount, member: string, warn: Warn): readonly string[] {
  if (type === "bind" && !isBind(options)) {
    warn(`${member}.options: "bind" is added, as it is the mount's type`);
    return optionsOf({ destination: "", options: ["bind", ...options] }, member, warn);
  }
  if (!isBind(options)) return options.includes("") ? options.filter((option) => option !== "") : options;
  const ignored = options.filter((option) => !isMountOption(option));
  if (ignored.length === 0) return options;
  // What mount(2) does with the data of a bind mount.
  warn(`${member}.options: ignored, as bind mounts have no options of a filesystem: ${ignored.join(", ")}`);
  return options.filter(isMountOption);
}

/** A host's /dev in the container's place has its devices already, and nothing may be made in it (runc, needsSetupDev). */
export const hasHostDev = (mounts: readonly Mount[]): boolean =>
  mounts.some(({ destination, options = [] }) => isBind(options) && absolutePath(destination) === "/dev");
