import { existsSync } from "node:fs";

let known = false;

/** Whether this kernel has IPv6; it may come later, as a module, and then stays. */
export function hasIpv6(): boolean {
  known ||= existsSync("/proc/sys/net/ipv6/conf");
  return known;
}
