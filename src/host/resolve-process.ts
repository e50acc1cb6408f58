import { existsSync } from "node:fs";
import { compileDefaultSeccomp, compileSeccomp, type ResolvedProcess } from "../compile/index.ts";
import { LibctError } from "../errors.ts";
import { hostArch } from "../executor/index.ts";
import type { KernelFeatures } from "../linux/index.ts";
import type { ContainerSpec, Landlock, ProcessSpec, User } from "../spec/index.ts";
import { planListener, type Told } from "./resolve-listener.ts";
import { requireScheduler } from "./resolve-scheduling.ts";
import { unsupported } from "./unsupported.ts";

/** What a process needs on any way into a container; refuses what this machine cannot do. */
export function resolveProcess(
  process: ProcessSpec,
  seccomp: ContainerSpec["seccomp"],
  features: KernelFeatures,
  told?: Told,
): Pick<ResolvedProcess, "arch" | "features" | "process" | "user" | "seccomp"> {
  requireLabels(process);
  if (process.scheduler) requireScheduler(process.scheduler, features);
  if (process.landlock) requireLandlock(process.landlock, features.landlockAbi);
  return {
    arch: hostArch(),
    features,
    process,
    user: resolveUser(process.user),
    seccomp: resolveSeccomp(seccomp, process, features, told),
  };
}

/** "1000", "1000:100" are ids; anything else is a name for the container's own passwd. */
function resolveUser(user: ProcessSpec["user"]): User | string | undefined {
  if (user === undefined) return undefined;
  if (typeof user !== "string") return user;
  const ids = /^(\d+)(?::(\d+))?$/.exec(user);
  if (!ids) return user;
  const uid = Number(ids[1]);
  return { uid, gid: ids[2] === undefined ? 0 : Number(ids[2]) };
}

function resolveSeccomp(
  seccomp: ContainerSpec["seccomp"],
  process: ProcessSpec,
  features: KernelFeatures,
  told: Told | undefined,
): ResolvedProcess["seccomp"] {
  if (seccomp === undefined || seccomp === "unconfined") return undefined;
  if (seccomp === "default") return compileDefaultSeccomp(hostArch(), process.capabilities?.bounding ?? [], features);
  try {
    const { filter, flags, notify } = compileSeccomp(seccomp, hostArch());
    return notify && told ? { filter, flags, listener: planListener(seccomp, told, features) } : { filter, flags };
  } catch (cause) {
    if (cause instanceof LibctError) throw cause;
    throw new LibctError("ERR_CT_INVALID_SPEC", cause instanceof Error ? cause.message : String(cause), {
      member: "seccomp",
      cause,
    });
  }
}

/** Everything that is not listed is refused, or the container is: an older Landlock would let some of it through. */
function requireLandlock({ bindTcp, connectTcp }: Landlock, abi: number): void {
  const member = "process.landlock";
  if (abi === 0) {
    throw unsupported(
      "Landlock is not available",
      member,
      "it needs Linux 5.13 and lsm=...,landlock on the kernel's command line",
    );
  }
  if (abi < 3) throw unsupported("this kernel's Landlock lets files be truncated", member, "it needs Linux 6.2");
  if (abi < 4 && (bindTcp || connectTcp)) {
    throw unsupported(
      "this kernel's Landlock knows no ports",
      `${member}.${bindTcp ? "bindTcp" : "connectTcp"}`,
      "it needs Linux 6.7",
    );
  }
}

function requireLabels(process: ProcessSpec): void {
  if (process.apparmorProfile && !existsSync("/sys/kernel/security/apparmor")) {
    throw unsupported(
      "AppArmor is not enabled on this machine",
      "process.apparmorProfile",
      "leave the profile out, or boot with AppArmor",
    );
  }
  if (process.selinuxLabel) requireSelinux("process.selinuxLabel");
}

export function requireSelinux(member: string): void {
  if (existsSync("/sys/fs/selinux/enforce")) return;
  throw unsupported("SELinux is not enabled on this machine", member, "leave the label out, or boot with SELinux");
}
