import { capabilityNames, type Settings } from "../index.ts";

/** What a container of OpenVZ has when nothing is said (vzctl, lib/cap.c), but for VE_ADMIN: of that CAP_NET_ADMIN is left, which counts in its own network. */
const USUAL =
  "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap setfcap linux_immutable net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_chroot sys_ptrace sys_boot sys_nice sys_resource sys_tty_config mknod lease audit_write";

/** CAPABILITY="net_admin:on sys_time:off". `all`: what can be given here. */
export function translateCapabilities(settings: Settings, all: readonly string[]): readonly string[] {
  const names = new Set(capabilityNames(USUAL.split(" ")).names);
  for (const word of (settings.last("CAPABILITY") ?? "").split(/\s+/).filter((one) => one !== "")) {
    const [name = "", state] = word.split(":");
    const { names: known } = capabilityNames([name]);
    const [found] = known;
    if (found === undefined) settings.ignore("CAPABILITY", `Linux has no ${name}, which is OpenVZ's own`);
    else if (state === "off") names.delete(found);
    else names.add(found);
  }
  return all.filter((name) => names.has(name));
}
