import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { type ProgramRunner, tryChild } from "../executor/index.ts";
import { AT, CLONE, type KernelFeatures, MS, O } from "../linux/index.ts";
import type { BlockBuilder } from "../program/index.ts";
import type { Caller } from "./caller.ts";
import { hasCgroups } from "./cgroups.ts";

/** What was found out about the machine: plain values, so that their meaning can be tested without the machine. */
export interface Facts {
  readonly features: KernelFeatures;
  readonly caller: Caller;
  /** errno of really trying it in a child process; 0: it works. */
  readonly userNamespace: number;
  readonly mountInUserNamespace: number;
  readonly procInUserNamespace: number;
  readonly overlayInUserNamespace: number;
  /** Contents of files that restrict user namespaces, by sysctl name; undefined: there is no such file. */
  readonly sysctls: Readonly<Record<string, string | undefined>>;
  /** /proc/self/ns has it */
  readonly namespaces: Readonly<Record<string, boolean>>;
  readonly container: string | undefined;
  readonly seccompActions: readonly string[];
  readonly programs: Readonly<Record<string, string | undefined>>;
  readonly fuseDevice: boolean;
  readonly loopControl: boolean;
  readonly apparmor: boolean;
  readonly selinux: boolean;
  readonly cgroups: { readonly memory: boolean; readonly pids: boolean };
}

const SYSCTLS = [
  "kernel.unprivileged_userns_clone",
  "kernel.apparmor_restrict_unprivileged_userns",
  "user.max_user_namespaces",
];
const NAMESPACES = ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time"];
const PROGRAMS = ["newuidmap", "newgidmap", "fuse-overlayfs"];

export async function gatherFacts(
  runner: ProgramRunner,
  features: KernelFeatures,
  caller: Caller,
  scratch: string,
): Promise<Facts> {
  const user = CLONE.NEWUSER;
  const inside = user | CLONE.NEWNS;
  const overlay = `lowerdir=/usr,upperdir=${scratch}/upper,workdir=${scratch}/work,userxattr`;
  return {
    features,
    caller,
    userNamespace: await tryChild(runner, user, () => undefined),
    mountInUserNamespace: await tryChild(runner, inside, (block) => {
      block.sys("mount", [block.str("tmpfs"), block.str(scratch), block.str("tmpfs"), 0, 0]);
    }),
    procInUserNamespace: await tryChild(runner, inside | CLONE.NEWPID, (block) => {
      block.sys("mount", [
        block.str("proc"),
        block.str(scratch),
        block.str("proc"),
        MS.NOSUID | MS.NODEV | MS.NOEXEC,
        0,
      ]);
    }),
    overlayInUserNamespace: await tryChild(runner, inside, (block) => {
      mapOwnIds(block, caller);
      block.sys("mount", [block.str("tmpfs"), block.str(scratch), block.str("tmpfs"), 0, 0]);
      for (const name of ["upper", "work", "root"])
        block.sys("mkdirat", [-100, block.str(`${scratch}/${name}`), 0o755]);
      block.sys("mount", [
        block.str("overlay"),
        block.str(`${scratch}/root`),
        block.str("overlay"),
        0,
        block.str(overlay),
      ]);
    }),
    ...readObstacles(),
    seccompActions: (read("/proc/sys/kernel/seccomp/actions_avail") ?? "").split(" ").filter(Boolean),
    programs: Object.fromEntries(PROGRAMS.map((name) => [name, findProgram(name)])),
    fuseDevice: may("/dev/fuse", constants.R_OK | constants.W_OK),
    loopControl: may("/dev/loop-control", constants.R_OK | constants.W_OK),
    apparmor: read("/sys/module/apparmor/parameters/enabled") === "Y",
    selinux: existsSync("/sys/fs/selinux/enforce"),
    cgroups: { memory: hasCgroups({ memory: { limit: 1 } }), pids: hasCgroups({ pids: { limit: 1 } }) },
  };
}

/** What may stand in the way of user namespaces. */
export const readObstacles = (): Pick<Facts, "sysctls" | "namespaces" | "container"> => ({
  sysctls: Object.fromEntries(SYSCTLS.map((name) => [name, read(`/proc/sys/${name.replaceAll(".", "/")}`)])),
  namespaces: Object.fromEntries(NAMESPACES.map((name) => [name, existsSync(`/proc/self/ns/${name}`)])),
  container: outerContainer(),
});

/** Without a mapping nothing can be made in a filesystem (user_namespaces(7)). */
function mapOwnIds(block: BlockBuilder, { uid, gid }: Caller): void {
  for (const [file, content] of [
    ["setgroups", "deny"],
    ["gid_map", `0 ${gid} 1`],
    ["uid_map", `0 ${uid} 1`],
  ] as const) {
    const fd = block.sysResult("file", "openat", [AT.FDCWD, block.str(`/proc/self/${file}`), O.WRONLY | O.CLOEXEC, 0]);
    block.sys("write", [fd, block.str(content), content.length]);
    block.sys("close", [fd]);
  }
}

function outerContainer(): string | undefined {
  if (existsSync("/run/.containerenv")) return "a podman container";
  if (/^Seccomp:\s*2/m.test(read("/proc/self/status") ?? "")) return "a container or sandbox with a seccomp filter";
  return undefined;
}

const findProgram = (name: string) =>
  ["/usr/bin", "/bin", "/usr/local/bin"].map((dir) => `${dir}/${name}`).find((path) => may(path, constants.X_OK));

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined; // A kernel without it has no such file.
  }
}

function may(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
