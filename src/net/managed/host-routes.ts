/** What the host has routes to, as the kernel writes it to /proc/net/route and /proc/net/ipv6_route. */
import type { IpPrefix } from "../../linux/index.ts";

export interface HostRoute {
  readonly to: IpPrefix;
  readonly device: string;
}

const hexBytes = (text: string): Uint8Array =>
  Uint8Array.from({ length: text.length / 2 }, (_, index) => Number.parseInt(text.slice(index * 2, index * 2 + 2), 16));

/** Columns: Iface Destination Gateway Flags RefCnt Use Metric Mask; addresses as the machine has them in a u32. */
export function parseIpv4Routes(text: string): readonly HostRoute[] {
  return text
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [device, destination, , , , , , mask] = line.split(/\s+/);
      if (!device || destination?.length !== 8 || mask?.length !== 8) return [];
      const length = [...hexBytes(mask)].reduce((sum, byte) => sum + byte.toString(2).replaceAll("0", "").length, 0);
      return [{ to: { address: hexBytes(destination).reverse(), length }, device }];
    });
}

/** Columns: destination, its length, source, its length, next hop, metric, references, use, flags, device. */
export function parseIpv6Routes(text: string): readonly HostRoute[] {
  return text.split("\n").flatMap((line) => {
    const [destination, length, , , , , , , , device] = line.trim().split(/\s+/);
    if (!device || destination?.length !== 32 || length === undefined) return [];
    return [{ to: { address: hexBytes(destination), length: Number.parseInt(length, 16) }, device }];
  });
}
