import { LibctError } from "../errors.ts";
import { type ImageReference, parseReference } from "./reference.ts";

/** Where an image is, in the words of containers-transports(5) where that has some. */
export type Location =
  | { readonly transport: "registry"; readonly reference: ImageReference }
  /** An OCI layout, as a directory or an archive of one; `name` is one of those that its index lists. */
  | { readonly transport: "oci"; readonly path: string; readonly name?: string }
  | { readonly transport: "oci-archive"; readonly path: string; readonly name?: string }
  /** What `docker save` writes. */
  | { readonly transport: "docker-archive"; readonly path: string; readonly reference?: ImageReference }
  /** A file of which the content tells whether it is an oci-archive or a docker-archive. */
  | { readonly transport: "archive"; readonly path: string; readonly name?: string }
  /** The store of a running Docker, or that of podman. */
  | { readonly transport: "docker-daemon" | "containers-storage"; readonly name: string }
  /** One layer: a directory, or a tar file of one. */
  | { readonly transport: "rootfs" | "tar"; readonly path: string };

type Transport = Location["transport"];

const TRANSPORTS: readonly string[] = [
  "docker",
  "oci",
  "oci-archive",
  "docker-archive",
  "archive",
  "docker-daemon",
  "containers-storage",
  "rootfs",
  "tar",
] satisfies readonly (Transport | "docker")[];

/** Those of skopeo's that libct does not have, and what is there instead. */
const OTHERS: Readonly<Record<string, string>> = {
  dir: "an image of a directory is rootfs:DIR; skopeo's own dir: format is not read: skopeo copy dir:DIR oci:DIR",
  ostree: "ostree is not supported",
  sif: "SIF files are not supported: skopeo copy sif:FILE oci:DIR",
  tarball: "an image of a tar file is tar:FILE",
};

/** Reads "TRANSPORT:..." or a reference of a registry. A word before a colon that is a transport is one: an image of that name is written with its registry, docker.io/library/oci:1. */
export function parseLocation(text: string): Location {
  const colon = text.indexOf(":");
  const [word, rest] = [text.slice(0, Math.max(0, colon)), text.slice(colon + 1)];
  const other = OTHERS[word];
  if (other !== undefined && /^[./]/.test(rest))
    throw new LibctError("ERR_CT_USAGE", `${text}: there is no transport ${word}:`, { hint: other });
  if (!TRANSPORTS.includes(word)) return { transport: "registry", reference: parseReference(text) };
  if (word === "docker") {
    // "docker:24" is an image of that name.
    if (!rest.startsWith("//")) return { transport: "registry", reference: parseReference(text) };
    return { transport: "registry", reference: parseReference(rest.slice(2)) };
  }
  if (rest === "") throw incomplete(text, word);
  return located(word as Exclude<Transport, "registry">, rest);
}

function located(transport: Exclude<Transport, "registry">, rest: string): Location {
  if (transport === "rootfs" || transport === "tar") return { transport, path: rest };
  if (transport === "docker-daemon" || transport === "containers-storage") return { transport, name: rest };
  // containers-transports(5): the path ends at the first colon.
  const colon = rest.indexOf(":");
  const path = colon < 0 ? rest : rest.slice(0, colon);
  const name = colon < 0 ? "" : rest.slice(colon + 1);
  if (path === "") throw incomplete(`${transport}:${rest}`, transport);
  if (transport === "docker-archive")
    return { transport, path, ...(name !== "" && { reference: parseReference(name) }) };
  return { transport, path, ...(name !== "" && { name }) };
}

const incomplete = (text: string, word: string) =>
  new LibctError("ERR_CT_USAGE", `${text}: ${word}: says where to look, and the place is missing`, {
    hint: `${word}:PATH${word.startsWith("oci") ? "[:TAG]" : ""}; an image of that name is docker.io/library/${word}`,
  });
