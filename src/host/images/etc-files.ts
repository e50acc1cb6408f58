import { lstatSync, readFileSync, statSync } from "node:fs";
import type { Layered } from "../../fs/index.ts";
import { layerTree, type Store, type StoredImage } from "../../image/present.ts";
import type { ContainerSpec } from "../../spec/index.ts";

const HOSTS = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
/** A larger one is not a resolver's configuration. */
const LARGEST = 8192;

/**
 * The three files by which programs know names, as docker gives them: over the image's layers and below what the container changes, so that they are there whatever
 * the network, can be written to, and belong to the container's changes only when they were. Networks and the caller mount theirs on them.
 */
export function namesAbove(store: Store, image: StoredImage, spec: ContainerSpec): Layered["above"] {
  const mode = etcMode(store, image);
  if (mode === undefined) return undefined;
  const hostname = spec.hostname ?? readFileSync("/proc/sys/kernel/hostname", "utf8").trim();
  return [
    { path: "/etc", mode },
    { path: "/etc/hostname", content: `${hostname}\n` },
    { path: "/etc/hosts", content: HOSTS },
    { path: "/etc/resolv.conf", content: resolver(spec) },
  ];
}

/** The host's, but for servers on the host's loopback when the container has a loopback of its own. */
function resolver({ namespaces = [] }: ContainerSpec): string {
  const stat = statSync("/etc/resolv.conf", { throwIfNoEntry: false });
  if (!stat?.isFile() || stat.size > LARGEST) return "";
  const text = readFileSync("/etc/resolv.conf", "utf8");
  const ownNetwork = namespaces.some((one) => (typeof one === "string" ? one : one.type) === "network");
  return ownNetwork ? text.replace(/^\s*nameserver\s+(?:127\.|::1\b).*\n?/gm, "") : text;
}

/** By image, for as long as this process knows it. */
const known = new WeakMap<StoredImage, { readonly mode: number | undefined }>();

/** The permissions of /etc, which a directory over it decides; undefined when it is something that must not be covered. */
function etcMode(store: Store, image: StoredImage): number | undefined {
  const before = known.get(image);
  if (before) return before.mode;
  const found = { mode: lookAtEtc(store, image) };
  known.set(image, found);
  return found.mode;
}

function lookAtEtc(store: Store, { layers }: StoredImage): number | undefined {
  for (const { diffId } of [...layers].reverse()) {
    const etc = lstatSync(`${layerTree(store, diffId)}/etc`, { throwIfNoEntry: false });
    if (!etc) continue;
    if (etc.isDirectory()) return etc.mode & 0o7777;
    // A whiteout is a device: there is none, and one is made.
    return etc.isCharacterDevice() ? 0o755 : undefined;
  }
  return 0o755;
}
