import { type Device, type DeviceRule, type Link, STANDARD_DEVICES, STANDARD_LINKS } from "../../spec/index.ts";
import type { OciDevice } from "./config-linux.ts";
import type { Mutable } from "./translation.ts";

/** The config's own devices, and those of the specification that it does not make itself (config-linux.md, "Default Devices"). */
export function translateDevices(devices: readonly OciDevice[]): readonly Device[] {
  const own = devices.map(translateDevice);
  const paths = new Set(own.map(({ path }) => path));
  return [...own, ...STANDARD_DEVICES.filter(({ path }) => !paths.has(path))];
}

/** 0666 is what runc and crun take, too. */
const MODE = 0o666;

function translateDevice({ type, path, major, minor, fileMode = MODE, uid, gid }: OciDevice): Device {
  // The bits above are the type's once more (mknod(2)).
  const device: Mutable<Device> = { path, type, fileMode: fileMode & 0o7777 };
  if (type !== "p") {
    device.major = major ?? 0;
    device.minor = minor ?? 0;
  }
  if (uid !== undefined) device.uid = uid;
  if (gid !== undefined) device.gid = gid;
  return device;
}

/** runtime-linux.md, "Dev symbolic links"; /dev/core is a habit of all runtimes, where the kernel has what it leads to (CONFIG_PROC_KCORE). */
export const links = (kcore: boolean): readonly Link[] =>
  kcore ? [...STANDARD_LINKS, { path: "/dev/core", target: "/proc/kcore" }] : STANDARD_LINKS;

/**
 * What every container may use, after the config's own rules: nodes of any device may be made (but not used), and the default devices, /dev/ptmx,
 * pseudo-terminals and /dev/net/tun used. runc has always had these (specconv, AllowedDevices), so configs are written for it.
 */
export function defaultRules(): readonly DeviceRule[] {
  const rules: DeviceRule[] = [
    { allow: true, type: "c", access: "m" },
    { allow: true, type: "b", access: "m" },
  ];
  for (const { major, minor } of STANDARD_DEVICES) rules.push(usable(major, minor));
  rules.push(usable(136), usable(5, 2), usable(10, 200));
  return rules;
}

const usable = (major: number | undefined, minor?: number): DeviceRule => ({
  allow: true,
  type: "c",
  access: "rwm",
  ...(major !== undefined && { major }),
  ...(minor !== undefined && { minor }),
});
