import type { Healthcheck } from "./healthcheck.ts";
import type { Hooks } from "./hooks.ts";
import type { IntelRdt } from "./intel-rdt.ts";
import type { Nic } from "./nic-types.ts";
import type { Dns, PublishedPort } from "./ports.ts";
import type { Resources } from "./resources.ts";
import type { CPUAffinity, IOPriority, MemoryPolicy, Scheduler } from "./scheduling.ts";
import type { Seccomp } from "./seccomp.ts";

/** Namespace types by the names of the OCI runtime-spec (linux.namespaces). */
export const NAMESPACE_TYPES = ["user", "mount", "pid", "network", "ipc", "uts", "cgroup", "time"] as const;
export type NamespaceType = (typeof NAMESPACE_TYPES)[number];

/** Their files in /proc/PID/ns (namespaces(7)). */
export const NAMESPACE_FILES: Readonly<Record<NamespaceType, string>> = {
  user: "user",
  mount: "mnt",
  pid: "pid",
  network: "net",
  ipc: "ipc",
  uts: "uts",
  cgroup: "cgroup",
  time: "time",
};

/** A new namespace, or with `path` (such as /proc/123/ns/net) an existing one to join. */
export interface Namespace {
  readonly type: NamespaceType;
  readonly path?: string;
}

/** A range of ids: `size` ids from `containerID` on inside are those from `hostID` on outside (user_namespaces(7)). */
export interface IdMapping {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

/** A mount, as in the OCI runtime-spec. A bind mount has "bind" or "rbind" among its options. */
export interface Mount {
  /** Absolute path in the container. Missing directories (or the file, for a file bind) are created inside the root. */
  readonly destination: string;
  /** Filesystem type; "bind" and none are the same. "cgroup" shows the host's version. */
  readonly type?: string;
  /** Host path of a bind mount, or the filesystem's source. */
  readonly source?: string;
  /** Options as in fstab: ro, nosuid, rbind, rro, rprivate, idmap, tmpcopyup, size=64m, ... */
  readonly options?: readonly string[];
  /** A tmpfs whose options give no mode has that of the directory it covers, if there is one, instead of the kernel's 1777. */
  readonly keepMode?: boolean;
  /** Idmapped mount: overrides the container's own mapping. */
  readonly uidMappings?: readonly IdMapping[];
  readonly gidMappings?: readonly IdMapping[];
}

/** A device node to make in the container, as in the OCI runtime-spec. */
export interface Device {
  readonly path: string;
  /** c: character, b: block, u: unbuffered character, p: FIFO */
  readonly type: "c" | "b" | "u" | "p";
  readonly major?: number;
  readonly minor?: number;
  readonly fileMode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** A symbolic link to make in the container when nothing of that name is there. */
export interface Link {
  readonly path: string;
  readonly target: string;
}

export interface User {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids?: readonly number[];
  readonly umask?: number;
}

/** The five sets of capabilities(7). */
export interface CapabilitySets {
  readonly bounding?: readonly string[];
  readonly effective?: readonly string[];
  readonly permitted?: readonly string[];
  readonly inheritable?: readonly string[];
  readonly ambient?: readonly string[];
}

export interface Rlimit {
  /** RLIMIT_NOFILE ... */
  readonly type: string;
  /** -1: unlimited */
  readonly soft: number;
  readonly hard: number;
}

/** Restrictions by landlock(7): everything that is not listed is refused. Paths are the container's. */
export interface Landlock {
  readonly readOnly?: readonly string[];
  readonly readWrite?: readonly string[];
  /** Refuse binding and connecting TCP ports other than these (ABI 4). */
  readonly bindTcp?: readonly number[];
  readonly connectTcp?: readonly number[];
}

/** personality(2) in the form of the runtime-spec, which has no flags so far. */
export interface Personality {
  readonly domain: "LINUX" | "LINUX32";
  readonly flags?: readonly never[];
}

/** A process in a container: what is executed, as whom, and with which rights. */
export interface ProcessSpec {
  readonly args: readonly string[];
  /** Default: the empty environment with a PATH. */
  readonly env?: Readonly<Record<string, string>>;
  /** HOME is what the container's own passwd says of the user, or "/", unless `env` has one. */
  readonly homeFromPasswd?: boolean;
  /** Working directory in the container. Default: "/", or unchanged when the container has no root of its own. */
  readonly cwd?: string;
  /** Of a container's first process: a working directory that is missing is made, as root's. */
  readonly makeCwd?: boolean;
  /** Ids, or a name ("www-data", "1000:100", "app:staff") looked up in the container's own passwd and group. */
  readonly user?: User | string;
  /** Default: as inherited. */
  readonly capabilities?: CapabilitySets;
  readonly noNewPrivileges?: boolean;
  readonly rlimits?: readonly Rlimit[];
  /** -1000 to 1000 */
  readonly oomScoreAdj?: number;
  readonly apparmorProfile?: string;
  readonly selinuxLabel?: string;
  readonly landlock?: Landlock;
  /** A new session keyring (keyctl(2), KEYCTL_JOIN_SESSION_KEYRING). */
  readonly newSessionKeyring?: boolean;
  readonly personality?: Personality["domain"] | Personality;
  /** A pseudo-terminal as its stdin, stdout and stderr. */
  readonly terminal?: boolean;
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly scheduler?: Scheduler;
  readonly ioPriority?: IOPriority;
  /** Of a process that enters a running container. */
  readonly execCPUAffinity?: CPUAffinity;
}

/**
 * A container. Every member is optional and every feature is separate: `{}` is merely a child process.
 * Names are the OCI runtime-spec's.
 */
export interface ContainerSpec {
  /** Unique among the user's containers; made up when absent. [a-zA-Z0-9_+.-]*, but not "." and ".." */
  readonly name?: string;
  /** What "/" is: a directory, or a driver such as `overlay(...)`. Absent: the host's own root, unprotected. */
  readonly root?: string | RootDriver;
  /** How the root is entered. `pivot` (default with a mount namespace), `move` (MS_MOVE and chroot, for hosts on an initramfs), `chroot` (default without). */
  readonly rootMode?: "pivot" | "move" | "chroot";
  readonly readonlyRoot?: boolean;
  readonly rootfsPropagation?: "private" | "slave" | "shared" | "unbindable";
  /** Namespaces to make (by type) or to join. */
  readonly namespaces?: readonly (NamespaceType | Namespace)[];
  /** With a user namespace. "auto": the user's subordinate ids, or a single id when there are none. "identity": every id is itself. */
  readonly uidMappings?: "auto" | "identity" | readonly IdMapping[];
  readonly gidMappings?: "auto" | "identity" | readonly IdMapping[];
  /** Clock offsets of a new time namespace (time_namespaces(7)). */
  readonly timeOffsets?: Readonly<
    Partial<Record<"monotonic" | "boottime", { readonly secs?: number; readonly nanosecs?: number }>>
  >;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly mounts?: readonly Mount[];
  readonly devices?: readonly Device[];
  readonly links?: readonly Link[];
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  readonly sysctl?: Readonly<Record<string, string>>;
  /** Limits. A container that has this member, even as `{}`, gets cgroups: it can be paused, and its use is counted. */
  readonly resources?: Resources;
  /** Where its cgroups go: absolute from the top of each hierarchy, or relative to where libct may make cgroups. Default: a name of libct's choice. */
  readonly cgroupsPath?: string;
  /** Who makes its cgroups. Default: libct itself, "cgroupfs". */
  readonly cgroup?: CgroupSpec;
  /** "default": libct's profile; "unconfined" (default): none; or a profile in the OCI's form. */
  readonly seccomp?: "default" | "unconfined" | Seccomp;
  /** Where the memory of its processes comes from (set_mempolicy(2)). */
  readonly memoryPolicy?: MemoryPolicy;
  /** Network interfaces of the host that move into the container's network namespace, by their names there, perhaps under another name. */
  readonly netDevices?: Readonly<Record<string, { readonly name?: string }>>;
  /** Network interfaces of its new network namespace, by their names there. With this member, even as `{}`, its loopback is up. */
  readonly nics?: Readonly<Record<string, Nic>>;
  /** Ports of the host's whose traffic goes to the container. */
  readonly ports?: readonly PublishedPort[];
  /** What its resolver is told. A container in a managed network is told what the host's is by default. */
  readonly dns?: Dns;
  /** Names, and their addresses, for its /etc/hosts. */
  readonly hosts?: Readonly<Record<string, string>>;
  /** The SELinux label of its mounts (mount(8), "context="). */
  readonly mountLabel?: string;
  readonly intelRdt?: IntelRdt;
  readonly hooks?: Hooks;
  /** Where the container's OCI bundle lies, for hooks and for whoever asks. */
  readonly bundle?: string;
  /** Not looked at; hooks and whoever asks for the container get them. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Defaults for every process of the container. */
  readonly process?: Partial<ProcessSpec>;
  /**
   * "app" (default): it ends with the application that started it. "host": it goes on, and any process of the user finds it by its name.
   * "orphan": it goes on without a monitor, as an orphan of the nearest subreaper (PR_SET_CHILD_SUBREAPER in prctl(2)): how engines have OCI runtimes make
   * containers, and reap them themselves. Nobody writes down how it has ended.
   */
  readonly lifetime?: "app" | "host" | "orphan";
  /** With lifetime "host": whether its monitor starts it again when it has ended. */
  readonly restart?: Restart;
  /** What asks its first process to end. Default: SIGTERM */
  readonly stopSignal?: NodeJS.Signals | number;
  /** With lifetime "host": its output is kept. */
  readonly log?: Log;
  /** Whether it does its work. Its Host asks, and of a container with lifetime "host" whoever calls `health`. */
  readonly healthcheck?: Healthcheck;
  /** Its record goes when it has ended. Default: with lifetime "app" alone */
  readonly autoRemove?: boolean;
}

/** Who makes a container's cgroups. A container that says so has some, also without `resources`, unless it is "none". */
export interface CgroupSpec {
  /**
   * "cgroupfs": libct makes directories. "systemd": systemd makes a scope, root's the machine's manager and another user's his own. "none": nobody, and the
   * container stays in those of its caller.
   */
  readonly driver: "cgroupfs" | "systemd" | "none";
  /** Of systemd: where the scope goes; "a-b.slice" is in "a.slice". Default: "system.slice", with the user's manager "user.slice" */
  readonly slice?: string;
  /** Of the scope, with or without ".scope". Default: one of libct's choice */
  readonly name?: string;
}

/** The first restart comes after 0.1 s; the time doubles up to a minute, and begins anew after a run of ten seconds. */
export interface Restart {
  readonly policy: "no" | "on-failure" | "always";
  /** How often at most; 0 (default): without a limit */
  readonly maximumRetryCount?: number;
}

export interface Log {
  /** Bytes after which a new file is begun; one older file is kept. Default: 16 MiB */
  readonly maxSize?: number;
}

/** Where a root driver builds, and what it may know. */
export interface RootContext {
  /** A directory that each container sees a mount of its own at; empty on the host. */
  readonly scratch: string;
  readonly uid: number;
  /** The mounts are made in a new user namespace. */
  readonly userNamespace: boolean;
  readonly overlayInUserNamespace: boolean;
  /** The kernel can change a whole tree of mounts; otherwise a bind step must tell its `tree`. */
  readonly mountSetattr: boolean;
  readonly readonly: boolean;
}

/** The mounts of a bound tree: kernels without mount_setattr(2) change them one by one, and must be told the flags (MS_*) that each has and keeps. */
export interface MountTree {
  readonly flags: number;
  /** Paths from the tree's top on: "/home" */
  readonly below: readonly { readonly path: string; readonly flags: number }[];
}

/** One step of building a root; they run in the container's mount namespace, before it is entered. */
export type RootStep =
  | {
      readonly do: "mount";
      readonly source: string;
      readonly target: string;
      readonly type: string;
      readonly flags?: number;
      readonly data?: string;
    }
  | {
      readonly do: "bind";
      readonly source: string;
      readonly target: string;
      readonly recursive: boolean;
      readonly readonly?: boolean;
      readonly tree?: MountTree;
    }
  | { readonly do: "mkdir"; readonly path: string; readonly mode: number }
  /** An empty file, as a target for a bind mount. */
  | { readonly do: "file"; readonly path: string }
  | { readonly do: "symlink"; readonly path: string; readonly target: string }
  /** The paths of the steps that follow may begin here. The last step goes back to "/". */
  | { readonly do: "chdir"; readonly path: string }
  /** A filesystem in a file, attached to a loop device that goes away with the mount. */
  | {
      readonly do: "image";
      readonly file: string;
      readonly target: string;
      readonly type: string;
      readonly readonly: boolean;
    }
  /** A helper that mounts and then puts itself into the background, such as fuse-overlayfs. It is killed with the container. */
  | { readonly do: "helper"; readonly args: readonly string[] };

export interface RootPlan {
  /** The directory that becomes "/"; must be a mount point after the steps. */
  readonly path: string;
  readonly steps: readonly RootStep[];
  /** Directories on the host that the steps make and the container's monitor removes when it has ended, in this order, if they are empty by then. */
  readonly emptied?: readonly string[];
  /** An overlay's work directory on the host: it is removed with the container's record at the latest. */
  readonly work?: string;
}

/**
 * A private filesystem. `plan` may look at the host (and should refuse what cannot work, with a clear error), but it mounts nothing itself: it returns
 * the steps, so that they run in the container's mount namespace and vanish with it.
 */
export interface RootDriver {
  readonly type: string;
  plan(context: RootContext): RootPlan | Promise<RootPlan>;
  /** Called when the container is gone: remove what `plan` made on the host. */
  release?(): void | Promise<void>;
}
