/**
 * The hosts file of a network, which its containers see as /etc/hosts. Each lease has a place of its own in it, so that whoever comes or goes writes there and
 * nowhere else, at once and without a lock besides that of his lease; what is free consists of blanks.
 */
import { invalid } from "../../errors.ts";

/** Bytes of a lease's place, with the line feed at its end. */
export const PLACE = 256;
/** How many places a new file has. */
export const FIRST_PLACES = 32;
/** Nobody reads a larger file for every name that is looked up: more containers find each other by address. */
export const MOST_PLACES = 4096;

const blank = (length: number) => `${" ".repeat(length - 1)}\n`;
/** A place is so many bytes, and whoever writes beyond his own writes into the next one. */
const sizeOf = (content: string) => Buffer.byteLength(content);
const fill = (content: string) => `${content}${blank(PLACE - sizeOf(content))}`;

export const BLANK_PLACE = blank(PLACE);

/** Of a container without a name: nobody finds it by this, but whoever looks for a free place sees that there is none. */
const NAMELESS_PLACE = fill("# in use\n");

/** The file with nobody in it. The first two leases are the subnet's own address and the bridge, so nobody else needs their places. */
export function emptyHosts(gateways: readonly string[]): string {
  const loopback = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
  const host = gateways.map((address) => `${address}\t${HOST_NAME}\n`).join("");
  return fill(loopback) + fill(host) + BLANK_PLACE.repeat(FIRST_PLACES - 2);
}

/** By this name a container finds its host. */
export const HOST_NAME = "host.libct.internal";

/** More of them, for as many containers again. */
export const morePlaces = (places: number): string => BLANK_PLACE.repeat(places);

/** What a lease's place says while a container is there. */
export function placeContent(addresses: readonly string[], names: readonly string[], member: string): string {
  if (names.length === 0) return NAMELESS_PLACE;
  const unique = [...new Set(names)];
  const lines = addresses.map((address) => `${address}\t${unique.join(" ")}\n`).join("");
  if (sizeOf(lines) > PLACE - 1)
    throw invalid(
      member,
      unique.join(" "),
      `names that are shorter: ${PLACE / 2 - 48} bytes in all are always possible`,
    );
  return fill(lines);
}

/** Leases with a place that says something. The first two places are the file's own. */
export const leasesWithPlace = (content: string): readonly number[] =>
  Array.from({ length: Math.floor(content.length / PLACE) }, (_, lease) => lease).filter(
    (lease) => lease >= 2 && content.slice(lease * PLACE, (lease + 1) * PLACE).trim() !== "",
  );

/** The lines of a hosts file that say something. */
export const hostsEntries = (content: string): readonly string[] =>
  content.split("\n").flatMap((line) => (line.trim() === "" || line.startsWith("#") ? [] : [line.trimEnd()]));
