import type { ContainerSpec, Mount } from "../../spec/index.ts";
import type { Settings } from "../index.ts";

const QUIET = ["nosuid", "nodev", "noexec"] as const;

export interface AutoMounts {
  readonly mounts: readonly Mount[];
  readonly readonlyPaths: NonNullable<ContainerSpec["readonlyPaths"]>;
}

export interface AutoContext {
  /** The kernel lets nobody mount a sysfs who does not own the network namespace. */
  readonly ownSysfs: boolean;
  readonly cgroupNamespace: boolean;
}

/** lxc.mount.auto: the kernel's own filesystems. */
export function autoMounts(settings: Settings, context: AutoContext): AutoMounts {
  const mounts = new Map<string, Mount>();
  const readonlyPaths: string[] = [];
  for (const value of settings.all("lxc.mount.auto")) {
    for (const word of value.split(/\s+/)) {
      const [name = "", mode = "mixed"] = word.split(":");
      const ignore = (why: string) => settings.ignore("lxc.mount.auto", `${word}: ${why}`, value);
      const change = (why: string) => settings.change("lxc.mount.auto", `${word}: ${why}`, value);
      if (name === "proc") {
        mounts.set("/proc", { destination: "/proc", type: "proc", source: "proc", options: QUIET });
        if (mode === "mixed") {
          readonlyPaths.push("/proc/sys", "/proc/sysrq-trigger");
          change("/proc/sys/net is read-only as well; lxc.sysctl sets what is wanted there");
        }
      } else if (name === "sys") {
        mounts.set("/sys", sysfs(mode, context));
        if (mode === "mixed") change("/sys/devices/virtual/net is read-only as well");
      } else if (name === "cgroup" || name === "cgroup-full") cgroups(word, context, mounts, ignore);
      else ignore("there is no such filesystem to be mounted by itself");
    }
  }
  return { mounts: [...mounts.values()], readonlyPaths };
}

function sysfs(mode: string, { ownSysfs }: AutoContext): Mount {
  if (!ownSysfs) return { destination: "/sys", type: "bind", source: "/sys", options: ["rbind", "rro", ...QUIET] };
  return { destination: "/sys", type: "sysfs", source: "sysfs", options: [...QUIET, ...(mode === "rw" ? [] : ["ro"])] };
}

/** "If cgroup namespaces are enabled, then any cgroup auto-mounting request will be ignored", unless it is forced (lxc.container.conf(5)). */
function cgroups(
  word: string,
  { cgroupNamespace }: AutoContext,
  mounts: Map<string, Mount>,
  ignore: (why: string) => void,
): void {
  const [name, mode = "mixed", force] = word.split(":");
  if (cgroupNamespace && force !== "force") return;
  if (name === "cgroup-full") {
    ignore("the host's cgroups are not shown");
    return;
  }
  const options = ["nosuid", "nodev", "noexec", "relatime", ...(mode === "ro" ? ["ro"] : [])];
  mounts.set("/sys/fs/cgroup", { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options });
}
