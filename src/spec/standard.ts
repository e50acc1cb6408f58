import type { ContainerSpec, Device, Link, Mount } from "./types.ts";

/**
 * The capabilities that a container's root has by default: those of Docker's default set (moby, oci/caps/defaults.go) but for CAP_MKNOD. With that, and
 * without a cgroup that restricts devices, root could make a node for the machine's disk and read it.
 */
export const DEFAULT_CAPABILITIES: readonly string[] = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FSETID",
  "CAP_FOWNER",
  "CAP_NET_RAW",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETFCAP",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_SYS_CHROOT",
  "CAP_KILL",
  "CAP_AUDIT_WRITE",
];

/** The devices that the OCI runtime-spec wants in every container (config-linux.md, "Default Devices"). */
export const STANDARD_DEVICES: readonly Device[] = [
  { path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 0o666 },
  { path: "/dev/zero", type: "c", major: 1, minor: 5, fileMode: 0o666 },
  { path: "/dev/full", type: "c", major: 1, minor: 7, fileMode: 0o666 },
  { path: "/dev/random", type: "c", major: 1, minor: 8, fileMode: 0o666 },
  { path: "/dev/urandom", type: "c", major: 1, minor: 9, fileMode: 0o666 },
  { path: "/dev/tty", type: "c", major: 5, minor: 0, fileMode: 0o666 },
];

/** Its symbolic links (runtime-linux.md, "Dev symbolic links"). */
export const STANDARD_LINKS: readonly Link[] = [
  { path: "/dev/fd", target: "/proc/self/fd" },
  { path: "/dev/stdin", target: "/proc/self/fd/0" },
  { path: "/dev/stdout", target: "/proc/self/fd/1" },
  { path: "/dev/stderr", target: "/proc/self/fd/2" },
  { path: "/dev/ptmx", target: "pts/ptmx" },
];

/** Parts of /proc and /sys that tell about the host. */
export const MASKED_PATHS: readonly string[] = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];

/** Parts of /proc through which the host could be changed. */
export const READONLY_PATHS: readonly string[] = [
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger",
];

export interface StandardOptions {
  /** Whether the container gets a user namespace; without privileges it must. */
  readonly userNamespace: boolean;
  /** `none` (default): a network namespace with nothing but loopback. `host`: the host's network. */
  readonly network?: "none" | "host";
  /** Group 5 (tty) is mapped, so that terminals can belong to it. */
  readonly ttyGroup?: boolean;
}

/** A specification in which these members are there, to be spread and added to. */
export type StandardSpec = ContainerSpec &
  Required<
    Pick<ContainerSpec, "namespaces" | "mounts" | "devices" | "links" | "maskedPaths" | "readonlyPaths" | "process">
  >;

/** What most people mean by a container: six namespaces, /proc, /dev and /sys, few capabilities, seccomp. Spread it and change what you like. */
export function standard(options: StandardOptions): StandardSpec {
  const network = options.network ?? "none";
  return {
    namespaces: [
      ...(options.userNamespace ? (["user"] as const) : []),
      "mount",
      "pid",
      "ipc",
      "uts",
      "cgroup",
      ...(network === "none" ? (["network"] as const) : []),
    ],
    mounts: standardMounts(options),
    devices: STANDARD_DEVICES,
    links: STANDARD_LINKS,
    maskedPaths: MASKED_PATHS,
    readonlyPaths: READONLY_PATHS,
    seccomp: "default",
    process: {
      cwd: "/",
      capabilities: {
        bounding: DEFAULT_CAPABILITIES,
        effective: DEFAULT_CAPABILITIES,
        permitted: DEFAULT_CAPABILITIES,
      },
      noNewPrivileges: true,
      newSessionKeyring: true,
    },
  };
}

/** The filesystems of config-linux.md, "Default Filesystems", and those that Docker adds. */
export function standardMounts(options: StandardOptions): readonly Mount[] {
  const ttyGroup = options.ttyGroup ?? !options.userNamespace;
  // A sysfs shows the network namespace that it is mounted in, and only the owner of that may mount it.
  const ownSysfs = !options.userNamespace || options.network !== "host";
  const quiet = ["nosuid", "noexec", "nodev"];
  return [
    { destination: "/proc", type: "proc", source: "proc", options: quiet },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", ...(ttyGroup ? ["gid=5"] : [])],
    },
    { destination: "/dev/shm", type: "tmpfs", source: "shm", options: [...quiet, "mode=1777", "size=65536k"] },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: quiet },
    ownSysfs
      ? { destination: "/sys", type: "sysfs", source: "sysfs", options: [...quiet, "ro"] }
      : { destination: "/sys", type: "bind", source: "/sys", options: ["rbind", "rro", ...quiet] },
  ];
}
