import { lstatSync } from "node:fs";
import type { Device, Mount } from "../spec/index.ts";
import { wrong } from "./parse.ts";

export type HostDevice = Omit<Device, "path">;

/** A device that is given to the container: a node of the same name, or under another name a bind mount, which user namespaces allow too. */
export type GivenDevice = { readonly device: Device } | { readonly mount: Mount };

/** HOST[:CONTAINER[:rwm]], as docker has it. */
export function parseDevice(word: string, lookUp: (path: string) => HostDevice | undefined): GivenDevice {
  const [host = "", second = "", third, rest] = word.split(":");
  // Docker takes "/dev/x:rwm" too.
  const short = third === undefined && /^[rwm]+$/.test(second);
  const path = second === "" || short ? host : second;
  const rights = short ? second : (third ?? "rwm");
  if (!host.startsWith("/") || !path.startsWith("/") || rest !== undefined || !/^[rwm]+$/.test(rights)) {
    throw wrong("--device", word, "HOST[:CONTAINER[:rwm]], such as /dev/fuse or /dev/ttyS0:/dev/modem");
  }
  if (!["r", "w", "m"].every((right) => rights.includes(right))) {
    throw wrong("--device", word, "rwm, as single rights cannot be withheld");
  }
  const device = lookUp(host);
  if (!device) throw wrong("--device", word, "a device node that exists on the host");
  if (path === host) return { device: { ...device, path } };
  return { mount: { destination: path, source: host, type: "bind", options: ["bind"] } };
}

/** What the host's device node is. */
export function hostDevice(path: string): HostDevice | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat || !(stat.isCharacterDevice() || stat.isBlockDevice())) return undefined;
  const type = stat.isCharacterDevice() ? "c" : "b";
  // The inverse of makedev (include/linux/kdev_t.h, new_decode_dev).
  const [major, minor] = [(stat.rdev & 0xfff00) >> 8, (stat.rdev & 0xff) | ((stat.rdev >> 12) & 0xfff00)];
  return { type, major, minor, fileMode: stat.mode & 0o777, uid: stat.uid, gid: stat.gid };
}
