import { readdirSync, readFileSync, statSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { readView } from "../cgroup/index.ts";
import type { DeviceNode, ImportContext } from "../flavours/index.ts";
import { type Arch, CAPABILITIES } from "../linux/index.ts";
import type { Caller } from "./caller.ts";

/** This machine, as far as the translation of another program's configuration may look at it. */
export function importContext(name: string, caller: Caller): ImportContext {
  return {
    name,
    arch: process.arch === "arm64" ? "aarch64" : ("x86_64" satisfies Arch),
    privileged: caller.privileged,
    read,
    list: (path) => attempt(() => readdirSync(path)),
    kind: kindOf,
    owner: (path) => statOf(path)?.uid,
    device: deviceOf,
    capabilities: givable,
    cgroup: readView().layout.kind === "v2" ? 2 : 1,
    hasFilesystem: (type) => (read("/proc/filesystems") ?? "").split("\n").some((line) => line.split("\t")[1] === type),
    apparmor: read("/sys/module/apparmor/parameters/enabled")?.trim() === "Y",
    selinux: kindOf("/sys/fs/selinux/enforce") !== undefined,
    addressOf,
    env: (variable) => process.env[variable],
  };
}

/** What is not there, or not for this user, is not known: whoever asks says what that means. */
function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || !/^(ENOENT|ENOTDIR|EACCES|EISDIR|ENAMETOOLONG|ELOOP|EINVAL)$/.test(code)) throw error;
    return undefined;
  }
}

const read = (path: string) => attempt(() => readFileSync(path, "utf8"));
const statOf = (path: string) => attempt(() => statSync(path));

function kindOf(path: string) {
  const stat = statOf(path);
  if (stat === undefined) return undefined;
  if (stat.isFile()) return "file";
  if (stat.isDirectory()) return "directory";
  return stat.isBlockDevice() ? "block" : "other";
}

/** makedev(3) */
function deviceOf(path: string): DeviceNode | undefined {
  const stat = statOf(path);
  if (stat === undefined || !(stat.isBlockDevice() || stat.isCharacterDevice())) return undefined;
  const number = BigInt(stat.rdev);
  const major = Number(((number >> 8n) & 0xfffn) | ((number >> 32n) & ~0xfffn));
  const minor = Number((number & 0xffn) | ((number >> 12n) & ~0xffn & 0xffff_ffffn));
  return { type: stat.isBlockDevice() ? "b" : "c", major, minor };
}

/** A new user namespace's first process has all that there are (user_namespaces(7)). */
function givable(userNamespace: boolean): readonly string[] {
  if (userNamespace) {
    const last = Number(read("/proc/sys/kernel/cap_last_cap") ?? CAPABILITIES.length - 1);
    return CAPABILITIES.slice(0, last + 1);
  }
  const mask = BigInt(`0x${/^CapPrm:\s*([0-9a-f]+)/m.exec(read("/proc/self/status") ?? "")?.[1] ?? "0"}`);
  return CAPABILITIES.filter((_, number) => (mask & (1n << BigInt(number))) !== 0n);
}

function addressOf(link: string, family: 4 | 6): string | undefined {
  const found = networkInterfaces()[link]?.find((one) => one.family === `IPv${family}`);
  return found?.address;
}
