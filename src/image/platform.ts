import { arch } from "node:process";
import { LibctError } from "../errors.ts";
import type { Descriptor, Platform } from "./types.ts";

/** What Node calls an architecture, in the words of Go, which are those of images (image-index.md, `platform`). */
const ARCHITECTURES: Readonly<Record<string, Platform>> = {
  x64: { os: "linux", architecture: "amd64" },
  arm64: { os: "linux", architecture: "arm64", variant: "v8" },
  arm: { os: "linux", architecture: "arm", variant: "v7" },
  ia32: { os: "linux", architecture: "386" },
  ppc64: { os: "linux", architecture: "ppc64le" },
  loong64: { os: "linux", architecture: "loong64" },
};

/** What this machine runs. */
export const hostPlatform = (): Platform => ARCHITECTURES[arch] ?? { os: "linux", architecture: arch };

/** Other names that people and kernels have for architectures. */
const ALIASES: Readonly<Record<string, readonly [architecture: string, variant?: string]>> = {
  x86_64: ["amd64"],
  "x86-64": ["amd64"],
  aarch64: ["arm64"],
  armhf: ["arm", "v7"],
  armel: ["arm", "v6"],
  i386: ["386"],
  i686: ["386"],
};

/** "linux/arm64/v8", "arm64" */
export function parsePlatform(text: string): Platform {
  const parts = text.toLowerCase().split("/");
  if (parts.length > 3 || !parts.every((part) => /^[a-z0-9_.-]+$/.test(part))) {
    throw new LibctError("ERR_CT_USAGE", `${JSON.stringify(text)} is no platform`, {
      hint: "OS/ARCHITECTURE[/VARIANT], such as linux/arm64 or linux/arm/v7",
    });
  }
  const [first = "", second, third] = parts;
  const [os, name, given] = second === undefined ? ["linux", first, undefined] : [first, second, third];
  const [architecture, implied] = ALIASES[name] ?? [name];
  return normalized({
    os,
    architecture,
    ...((given ?? implied) !== undefined && { variant: given ?? implied }),
  } as Platform);
}

export const formatPlatform = ({ os, architecture, variant }: Platform): string =>
  [os, architecture, ...(variant ? [variant] : [])].join("/");

/** The usual variants are left out by some builders and written by others. */
function normalized(platform: Platform): Platform {
  const { architecture, variant, ...rest } = platform;
  if (architecture === "arm64" && variant === undefined) return { ...rest, architecture, variant: "v8" };
  if (architecture === "arm" && variant === undefined) return { ...rest, architecture, variant: "v7" };
  if (architecture === "amd64" && variant === "v1") return { ...rest, architecture };
  return platform;
}

/** What runs on a platform, the best first: processors run code for the older ones of their kind. */
function acceptable(platform: Platform): readonly Platform[] {
  const { os, architecture, variant } = normalized(platform);
  const level = Number(/^v(\d+)/.exec(variant ?? "")?.[1] ?? 0);
  const lower = (least: number, to: string): readonly Platform[] =>
    Array.from({ length: Math.max(0, level - least) }, (_, below) => ({
      os,
      architecture: to,
      variant: `v${level - 1 - below}`,
    }));
  const exact: Platform = { os, architecture, ...(variant !== undefined && { variant }) };
  if (architecture === "arm") return [exact, ...lower(5, "arm")];
  if (architecture === "arm64") return [exact, ...lower(8, "arm64")];
  if (architecture === "amd64") return [exact, ...lower(2, "amd64"), { os, architecture }];
  return [exact];
}

const equal = (a: Platform, b: Platform): boolean =>
  a.os === b.os && a.architecture === b.architecture && (a.variant ?? "") === (b.variant ?? "");

/** Whether an image of the platform `image` runs where `wanted` is. An image that tells no variant is for all of its architecture. */
export function runsOn(image: Platform, wanted: Platform): boolean {
  const plain = image.variant === undefined && image.os === wanted.os && image.architecture === wanted.architecture;
  return plain || acceptable(wanted).some((one) => equal(one, normalized(image)));
}

/** Attestations and the like stand beside images in an index as manifests for nothing. */
const isImage = ({ platform }: Descriptor) => platform?.os !== "unknown" && platform?.architecture !== "unknown";

/** The entry of an index that suits the platform best: of equals the first (image-index.md). An entry without a platform is taken only when it is the only one. */
export function choosePlatform(entries: readonly Descriptor[], wanted: Platform, from: string): Descriptor {
  const images = entries.filter(isImage);
  for (const platform of acceptable(wanted)) {
    const found = images.find((one) => one.platform && equal(normalized(one.platform), platform));
    if (found) return found;
  }
  const [only, ...others] = images;
  if (only && others.length === 0 && !only.platform) return only;
  const known = [...new Set(images.map(({ platform }) => (platform ? formatPlatform(platform) : "unknown")))];
  throw new LibctError("ERR_CT_IMAGE", `${from}: there is no image for ${formatPlatform(wanted)}`, {
    hint: known.length === 0 ? "the index is empty" : `there are images for ${known.join(", ")}`,
  });
}
