import { OCI_VERSION, READONLY_PATHS, standardMounts } from "../../spec/index.ts";
import type { OciConfig, OciMount } from "./config.ts";
import type { OciLinux } from "./config-linux.ts";

/** A user without privileges: whose ids the container's root has on the host. */
export interface RootlessUser {
  readonly uid: number;
  readonly gid: number;
}

const CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];

/** The config.json to begin with that `spec` writes: in substance what `runc spec` does, as tools change it by what they find there. */
export function defaultConfig(rootless?: RootlessUser): OciConfig {
  return {
    ociVersion: OCI_VERSION,
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ["sh"],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
      cwd: "/",
      // Ambient ones would need to be inheritable, too: then programs of other users in the container got them (CVE-2022-24769).
      capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: true },
    hostname: "ct",
    mounts: [...mounts(rootless !== undefined), CGROUP],
    linux: linux(rootless),
  };
}

const CGROUP: OciMount = {
  destination: "/sys/fs/cgroup",
  type: "cgroup",
  source: "cgroup",
  options: ["nosuid", "noexec", "nodev", "relatime", "ro"],
};

/** Without a network namespace of its own a container can only see the host's /sys. */
const HOST_SYS: OciMount = {
  destination: "/sys",
  type: "none",
  source: "/sys",
  options: ["rbind", "nosuid", "noexec", "nodev", "ro"],
};

function mounts(rootless: boolean): readonly OciMount[] {
  return standardMounts({ userNamespace: rootless }).map((mount) => {
    if (mount.destination === "/proc") return { destination: "/proc", type: "proc", source: "proc" };
    return rootless && mount.destination === "/sys" ? HOST_SYS : mount;
  });
}

/** As runc has them: libct's own list is longer, and engines replace this one anyway. */
const MASKED = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/sys/firmware",
  "/proc/scsi",
];

function linux(rootless: RootlessUser | undefined): OciLinux {
  const paths = { maskedPaths: MASKED, readonlyPaths: READONLY_PATHS };
  if (!rootless) {
    return {
      resources: { devices: [{ allow: false, access: "rwm" }] },
      namespaces: [{ type: "pid" }, { type: "network" }, { type: "ipc" }, { type: "uts" }, { type: "mount" }],
      ...paths,
    };
  }
  return {
    uidMappings: [{ containerID: 0, hostID: rootless.uid, size: 1 }],
    gidMappings: [{ containerID: 0, hostID: rootless.gid, size: 1 }],
    namespaces: [{ type: "pid" }, { type: "ipc" }, { type: "uts" }, { type: "mount" }, { type: "user" }],
    ...paths,
  };
}
