import type { Healthcheck } from "./healthcheck.ts";
import type { Hooks } from "./hooks.ts";
import type { IntelRdt } from "./intel-rdt.ts";
import type { Nic } from "./nic-types.ts";
import type { Dns, PublishedPort } from "./ports.ts";
import type { ProcessSpec } from "./process-spec.ts";
import type { Resources } from "./resources.ts";
import type { RootDriver } from "./root-driver.ts";
import type { MemoryPolicy } from "./scheduling.ts";
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
