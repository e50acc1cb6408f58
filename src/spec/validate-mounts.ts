import { invalid } from "../errors.ts";
import { absolutePath } from "../linux/index.ts";
import { type MountOptions, parseMountOptions } from "./mount-options.ts";
import type { Device, Mount } from "./types.ts";
import { checkIdMappings } from "./validate-idmaps.ts";
import type { NamespaceUse } from "./validate-namespaces.ts";

/**
 * Files of procfs that hold no state of processes, so that a program such as lxcfs may show others. Nothing else may lie over /proc: what reads
 * it, inside or out, would believe what the container makes up (CVE-2019-16884).
 */
const PROC_FILES: ReadonlySet<string> = new Set([
  "/proc/cpuinfo",
  "/proc/diskstats",
  "/proc/loadavg",
  "/proc/meminfo",
  "/proc/slabinfo",
  "/proc/stat",
  "/proc/swaps",
  "/proc/uptime",
  "/proc/sys/crypto/fips_enabled",
  "/proc/sys/kernel/ns_last_pid",
]);

export function checkMounts(mounts: readonly Mount[], use: NamespaceUse): void {
  mounts.forEach((mount, index) => {
    const member = `mounts[${index}]`;
    const options = parseMountOptions(mount.options ?? [], `${member}.options`);
    checkDestination(mount, options, `${member}.destination`);
    checkKind(mount, options, member);
    checkIdmapped(mount, options, member, use);
  });
}

function checkDestination({ destination, type, source }: Mount, options: MountOptions, member: string): void {
  const path = absolutePath(destination);
  if (path === "/" && !options.remount) {
    throw invalid(
      member,
      destination,
      "a path below /, as nothing could reach what lies over the root",
      "use `root` to choose the root",
    );
  }
  if (path === "/proc") {
    const real = options.bind ? /^\/proc(\/|$)/.test(absolutePath(`/${source ?? ""}`)) : type === "proc";
    if (real || options.remount) return;
    const hint = 'use { "type": "proc" }, or bind the host\'s /proc';
    throw invalid(
      member,
      destination,
      "nothing but a procfs there, as a made-up /proc can deceive what reads it",
      hint,
    );
  }
  if (!path.startsWith("/proc/") || PROC_FILES.has(path) || options.remount) return;
  const hint =
    "hide files with maskedPaths, protect them with readonlyPaths; mounts may cover /proc/cpuinfo, /proc/meminfo, /proc/stat and the like";
  throw invalid(
    member,
    destination,
    "a path outside of /proc, as made-up files there can deceive what reads them",
    hint,
  );
}

/** Whether what is to be mounted is said. */
function checkKind({ type, source }: Mount, options: MountOptions, member: string): void {
  if (options.remount) return;
  if (options.bind) {
    if (source !== undefined) return;
    throw invalid(`${member}.source`, source, "the host path that the bind mount shows");
  }
  if (type === undefined || type === "none" || type === "bind") {
    const hint = source === undefined ? undefined : 'add "bind" to its options, or "rbind" for the mounts below it too';
    throw invalid(`${member}.type`, type, 'a filesystem type such as "tmpfs", as this is no bind mount', hint);
  }
  if (options.tmpcopyup && type !== "tmpfs") {
    throw invalid(`${member}.type`, type, '"tmpfs", as there is the option "tmpcopyup"');
  }
}

function checkIdmapped(mount: Mount, options: MountOptions, member: string, use: NamespaceUse): void {
  const { uidMappings, gidMappings } = mount;
  if (uidMappings) checkIdMappings(uidMappings, `${member}.uidMappings`);
  if (gidMappings) checkIdMappings(gidMappings, `${member}.gidMappings`);
  if (!uidMappings !== !gidMappings) {
    const [missing, other] = uidMappings ? ["gidMappings", "uidMappings"] : ["uidMappings", "gidMappings"];
    throw invalid(`${member}.${missing}`, undefined, `mappings too, as ${other} is given`);
  }
  if (uidMappings === undefined && options.idmap === "none") return;
  if (!options.bind || options.remount) {
    throw invalid(
      `${member}.options`,
      mount.options ?? [],
      "a bind mount, as only these can be idmapped",
      'add "bind" or "rbind"',
    );
  }
  if (uidMappings === undefined && !use.created.has("user")) {
    const hint = 'give the mount uidMappings and gidMappings, or add "user" to namespaces';
    throw invalid(
      `${member}.options`,
      mount.options,
      `mappings for "${options.idmap}", as there is no new user namespace`,
      hint,
    );
  }
}

export function checkDevices(devices: readonly Device[]): void {
  const seen = new Set<string>();
  devices.forEach((device, index) => {
    const member = `devices[${index}]`;
    if (seen.has(device.path)) throw invalid(`${member}.path`, device.path, "each device once");
    seen.add(device.path);
    if (device.type === "p") return;
    for (const number of ["major", "minor"] as const) {
      if (device[number] !== undefined) continue;
      throw invalid(
        `${member}.${number}`,
        undefined,
        `the ${number} number of the device`,
        'only FIFOs (type "p") have none; ls -l shows it',
      );
    }
  });
}
