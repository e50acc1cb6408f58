import { lookUp } from "../index.ts";

/** Keys as they were before LXC 2.1, and what they are called since (lxc-update-config(1)). */
const RENAMED: Readonly<Record<string, string>> = {
  "lxc.rootfs": "lxc.rootfs.path",
  "lxc.id_map": "lxc.idmap",
  "lxc.pts": "lxc.pty.max",
  "lxc.tty": "lxc.tty.max",
  "lxc.devttydir": "lxc.tty.dir",
  "lxc.aa_profile": "lxc.apparmor.profile",
  "lxc.aa_allow_incomplete": "lxc.apparmor.allow_incomplete",
  "lxc.se_context": "lxc.selinux.context",
  "lxc.mount": "lxc.mount.fstab",
  "lxc.utsname": "lxc.uts.name",
  "lxc.seccomp": "lxc.seccomp.profile",
  "lxc.console": "lxc.console.path",
  "lxc.haltsignal": "lxc.signal.halt",
  "lxc.rebootsignal": "lxc.signal.reboot",
  "lxc.stopsignal": "lxc.signal.stop",
  "lxc.syslog": "lxc.log.syslog",
  "lxc.loglevel": "lxc.log.level",
  "lxc.logfile": "lxc.log.file",
  "lxc.init_cmd": "lxc.init.cmd",
  "lxc.init_uid": "lxc.init.uid",
  "lxc.init_gid": "lxc.init.gid",
};

/** The present name of a key. A network without a number is that of the last `lxc.network.type`, whose index is `network`. */
export function presentKey(key: string, network: number): string {
  const renamed = lookUp(RENAMED, key);
  if (renamed !== undefined) return renamed;
  if (key.startsWith("lxc.limit.")) return `lxc.prlimit.${key.slice("lxc.limit.".length)}`;
  if (key === "lxc.network") return "lxc.net";
  const [, number, name] = /^lxc\.network\.(?:(\d+)\.)?(.+)$/.exec(key) ?? [];
  if (name === undefined) return key;
  const member = name === "ipv4" || name === "ipv6" ? `${name}.address` : name;
  return `lxc.net.${number ?? Math.max(network, 0)}.${member}`;
}
