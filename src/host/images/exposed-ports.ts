import { LibctError } from "../../errors.ts";
import type { PublishedPort } from "../../spec/index.ts";

/** The ports that an image exposes, "80/tcp", each to be published at a free one of the host's; not those that are published otherwise. */
export function publishExposed(
  exposed: readonly string[],
  image: string,
  given: readonly PublishedPort[] = [],
): readonly PublishedPort[] {
  return exposed.map((text) => parseExposed(text, image)).filter((port) => !given.some((one) => overlaps(one, port)));
}

function parseExposed(text: string, image: string): PublishedPort {
  const [, from, to = from, protocol = "tcp"] = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  if (from === undefined || first < 1 || last > 65535 || first > last) {
    throw new LibctError("ERR_CT_IMAGE", `the image ${image} exposes ${JSON.stringify(text)}, which is no port`, {
      hint: "publish ports by their numbers: --publish",
    });
  }
  const known = protocol.toLowerCase() as NonNullable<PublishedPort["protocol"]>;
  return {
    containerPort: first,
    ...(known === "tcp" ? {} : { protocol: known }),
    ...(first === last ? {} : { range: last - first + 1 }),
  };
}

const overlaps = (one: PublishedPort, other: PublishedPort): boolean =>
  (one.protocol ?? "tcp") === (other.protocol ?? "tcp") &&
  one.containerPort < other.containerPort + (other.range ?? 1) &&
  other.containerPort < one.containerPort + (one.range ?? 1);
