import { type ContainerSpec, type Mount, STANDARD_DEVICES, STANDARD_LINKS } from "../../spec/index.ts";
import type { Settings } from "../index.ts";

export interface Dev {
  /** Before what the configuration mounts, which may lie in it. */
  readonly before: readonly Mount[];
  readonly after: readonly Mount[];
  readonly devices: NonNullable<ContainerSpec["devices"]>;
  readonly links: NonNullable<ContainerSpec["links"]>;
}

export const NO_DEV: Dev = { before: [], after: [], devices: [], links: [] };

const TTY_GROUP = 5;

/** lxc.autodev, lxc.pty.max: a /dev of the container's own, and its terminals. */
export function translateDev(settings: Settings, mapsGroup: (gid: number) => boolean): Dev {
  const own = settings.last("lxc.autodev") !== "0";
  const size = settings.last("lxc.autodev.tmpfs.size") ?? "500000";
  // LXC's own terminals count as well (terminal.c), of which there are none here: a limit of 1 would be too little for a login.
  const consoles = settings.all("lxc.tty.max").at(-1) ?? "0";
  const most = Number(settings.last("lxc.pty.max") ?? "1024") + Number(consoles);
  if (consoles !== "0")
    settings.ignore("lxc.tty.max", "there are no /dev/tty1 and so on: /dev/console and pseudo-terminals are");
  const tty = mapsGroup(TTY_GROUP) ? [`gid=${TTY_GROUP}`] : [];
  const pts: Mount = {
    destination: "/dev/pts",
    type: "devpts",
    source: "devpts",
    options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", ...tty, `max=${most}`],
  };
  const dev: Mount = { destination: "/dev", type: "tmpfs", source: "none", options: ["mode=755", `size=${size}`] };
  return {
    before: own ? [dev] : [],
    after: most === 0 ? [] : [pts],
    devices: own ? STANDARD_DEVICES : [],
    links: own ? STANDARD_LINKS : STANDARD_LINKS.filter(({ path }) => path !== "/dev/ptmx"),
  };
}
