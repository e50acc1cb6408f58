/** Addresses as people write them, and as bytes. */

/** Four bytes for "10.0.0.2", sixteen for "fd00::2"; undefined when it is neither. */
export function parseIp(text: string): Uint8Array | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  // A leading zero means octal to some programs, and nothing to inet_pton(3).
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return undefined;
  return Uint8Array.from(parts, Number);
}

/** RFC 4291, section 2.2 */
function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, index) => words(half, index === halves.length - 1));
  if (!head || (halves.length === 2 && !tail)) return undefined;
  const missing = 16 - head.length - (tail?.length ?? 0);
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  return Uint8Array.from([...head, ...new Array<number>(Math.max(0, missing)).fill(0), ...(tail ?? [])]);
}

function words(text: string, mayEndInIpv4: boolean): readonly number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    const ipv4 = mayEndInIpv4 && index === parts.length - 1 ? parseIpv4(part) : undefined;
    if (ipv4) bytes.push(...ipv4);
    else if (/^[\da-f]{1,4}$/i.test(part)) bytes.push(Number.parseInt(part, 16) >> 8, Number.parseInt(part, 16) & 0xff);
    else return undefined;
  }
  return bytes;
}

/** As RFC 5952 recommends it. */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, index) => ((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0));
  let best = { from: -1, length: 1 };
  for (let from = 0; from < 8; from++) {
    let length = 0;
    while (groups[from + length] === 0) length++;
    if (length > best.length) best = { from, length };
  }
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(":");
  if (best.from < 0) return text(groups);
  return `${text(groups.slice(0, best.from))}::${text(groups.slice(best.from + best.length))}`;
}

/** An address and how many of its bits are the network's. */
export interface IpPrefix {
  readonly address: Uint8Array;
  readonly length: number;
}

/** "10.0.0.2/24"; without a length, all bits. */
export function parseIpPrefix(text: string): IpPrefix | undefined {
  const [ip = "", bits, ...more] = text.split("/");
  const address = parseIp(ip);
  if (!address || more.length > 0) return undefined;
  const most = address.length * 8;
  if (bits === undefined) return { address, length: most };
  return /^(0|[1-9]\d{0,2})$/.test(bits) && Number(bits) <= most ? { address, length: Number(bits) } : undefined;
}

export const formatIpPrefix = ({ address, length }: IpPrefix): string => `${formatIp(address)}/${length}`;

/** The address of the network: those bits that are not the network's are 0. */
export function networkOf({ address, length }: IpPrefix): Uint8Array {
  return address.map((byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, length - index * 8))));
}

export const contains = (network: IpPrefix, address: Uint8Array): boolean =>
  network.address.length === address.length &&
  networkOf({ address, length: network.length }).every((byte, index) => byte === networkOf(network)[index]);

/** "02:42:ac:11:00:02" */
export function parseMac(text: string): Uint8Array | undefined {
  return /^[\da-f]{2}(:[\da-f]{2}){5}$/i.test(text)
    ? Uint8Array.from(text.split(":"), (byte) => Number.parseInt(byte, 16))
    : undefined;
}

export const formatMac = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":");
