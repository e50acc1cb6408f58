import { rmdirSync, unlinkSync } from "node:fs";
import { LibctError } from "../../errors.ts";
import { formatReference, parseReference } from "../reference.ts";
import type { Descriptor, Digest } from "../types.ts";
import { hexOf } from "./digest.ts";
import { cannotWrite, entries, errnoOf, isAbsent, makeDirectory, readIfThere, replaceFile } from "./files.ts";
import { ROOMS, type Store } from "./place.ts";

/** What a name means. Images without a name have their manifest's digest in place of one: "sha256:...". */
export interface NamedImage {
  readonly name: string;
  /** What the name stands for where it is from: a manifest, or an index. */
  readonly target: Descriptor;
  /** The manifest of the platform that was chosen. */
  readonly image: Digest;
  /** Milliseconds since the epoch: when the name was given. */
  readonly tagged: number;
}

/** Names are files in directories like their own parts; ":" begins a tag, and no part of a repository's name does. */
function fileOf({ directory }: Store, name: string): string {
  const base = `${directory}/${ROOMS.NAMES}`;
  if (isUnnamed(name)) return `${base}/:unnamed/${hexOf(name)}`;
  const { domain, repository, tag, digest } = parseReference(name);
  return `${base}/${domain}/${repository}/:${tag ?? ""}${digest ? `@${hexOf(digest)}` : ""}`;
}

const isUnnamed = (name: string): name is Digest => /^sha(?:256|512):/.test(name);

/** The whole name: "docker.io/library/alpine:latest" of "alpine". */
export const canonicalName = (name: string): string => (isUnnamed(name) ? name : formatReference(parseReference(name)));

export function readName(store: Store, name: string): NamedImage | undefined {
  const path = fileOf(store, name);
  const bytes = readIfThere(path);
  return bytes && decode(bytes, path);
}

/** Gives the name to an image, whatever had it before. */
export function setName(
  store: Store,
  name: string,
  { target, image }: Pick<NamedImage, "target" | "image">,
): NamedImage {
  const path = fileOf(store, name);
  requireTrue(name, target.digest, image);
  const named: NamedImage = { name: canonicalName(name), target, image, tagged: Date.now() };
  for (;;) {
    makeDirectory(path.slice(0, path.lastIndexOf("/")));
    try {
      replaceFile(path, `${JSON.stringify(named)}\n`);
      return named;
    } catch (error) {
      // Somebody else has removed the last name in the directory, and with it the directory.
      if (!(error instanceof LibctError) || error.errno !== "ENOENT") throw error;
    }
  }
}

/** A name with a digest promises that image and no other, whoever gives it. */
function requireTrue(name: string, target: Digest, image: Digest): void {
  const promised = isUnnamed(name) ? name : parseReference(name).digest;
  if (promised === undefined || promised === image || (promised === target && !isUnnamed(name))) return;
  throw new LibctError("ERR_CT_DIGEST", `${name} is no name for the image ${image}`, {
    hint: "a name with a digest is for the image of that digest alone: leave the digest out",
  });
}

/** As `setName`; an image without a name has its digest in place of one, as long as it has no other. */
export function nameImage(
  store: Store,
  name: string | undefined,
  what: Pick<NamedImage, "target" | "image">,
): NamedImage {
  const others = listNames(store).filter(({ image }) => image === what.image);
  if (name === undefined && others[0]) return others[0];
  const named = setName(store, name ?? what.image, what);
  if (name !== undefined && others.some((one) => one.name === what.image)) removeName(store, what.image);
  return named;
}

/** False when there was no such name. */
export function removeName(store: Store, name: string): boolean {
  const path = fileOf(store, name);
  try {
    unlinkSync(path);
  } catch (error) {
    if (isAbsent(error)) return false;
    throw cannotWrite(path, error);
  }
  removeEmpty(path, `${store.directory}/${ROOMS.NAMES}`);
  return true;
}

function removeEmpty(path: string, top: string): void {
  for (let at = path.slice(0, path.lastIndexOf("/")); at !== top; at = at.slice(0, at.lastIndexOf("/"))) {
    try {
      rmdirSync(at);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === "ENOTEMPTY" || errno === "EEXIST" || errno === "ENOENT") return;
      throw error;
    }
  }
}

/** All names, sorted. */
export function listNames(store: Store): readonly NamedImage[] {
  const found: NamedImage[] = [];
  const visit = (path: string): void => {
    for (const entry of entries(path)) {
      const at = `${path}/${entry}`;
      if (!entry.startsWith(":") && !path.endsWith("/:unnamed")) visit(at);
      else if (entry === ":unnamed") visit(at);
      else {
        const bytes = readIfThere(at);
        if (bytes) found.push(decode(bytes, at));
      }
    }
  };
  visit(`${store.directory}/${ROOMS.NAMES}`);
  return found;
}

function decode(bytes: Uint8Array, path: string): NamedImage {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8")) as NamedImage;
  } catch (cause) {
    throw new LibctError("ERR_CT_STORE", `${path} is not JSON`, { path, hint: "remove the file", cause });
  }
}
