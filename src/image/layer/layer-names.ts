import { badLayer } from "./layer-error.ts";

/** PATH_MAX with its NUL, and what a filesystem takes for one name (limits.h). */
const MAX_PATH = 4095;
const MAX_NAME = 255;

/**
 * A name of an archive as a path from the layer's root on, "." for the root itself. An absolute name counts from the layer's root, as all archivers take it;
 * one that climbs above it is refused: the kernel would not let it out either, but nobody means well with such a layer.
 */
export function layerPath(name: string): string {
  if (isPlain(name)) return name;
  const parts: string[] = [];
  for (const part of name.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) throw badLayer(`the name ${show(name)} leads out of the layer`, { path: name });
  }
  const path = parts.length === 0 ? "." : parts.join("/");
  if (path.length * 3 > MAX_PATH && Buffer.byteLength(path) > MAX_PATH) {
    throw badLayer(`a name in the layer is longer than ${MAX_PATH} bytes: ${show(name)}`);
  }
  if (parts.some((part) => part.length * 3 > MAX_NAME && Buffer.byteLength(part) > MAX_NAME)) {
    throw badLayer(`a part of a name in the layer is longer than ${MAX_NAME} bytes: ${show(name)}`);
  }
  return path;
}

/** Most names need no change: they are short, and have no "//", "/./", "/../", nor such a beginning or end. */
const isPlain = (name: string): boolean => name.length < 80 && /^[^/.][^/]*(\/[^/.][^/]*)*$/.test(name);

export const show = (name: string): string => JSON.stringify(name.length > 100 ? `${name.slice(0, 97)}...` : name);

export function splitLast(path: string): { readonly parent: string; readonly last: string } {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? { parent: ".", last: path } : { parent: path.slice(0, slash), last: path.slice(slash + 1) };
}

/** What an entry's name says about the layers below (OCI image-spec, layer.md, "Whiteouts"). */
export type Whiteout =
  | { readonly kind: "none" }
  | { readonly kind: "hide"; readonly path: string }
  | { readonly kind: "opaque"; readonly path: string }
  /** What aufs keeps for itself. */
  | { readonly kind: "ignored" };

const NONE: Whiteout = { kind: "none" };

export function whiteoutOf(path: string): Whiteout {
  if (!path.includes(".wh.")) return NONE;
  const { parent, last } = splitLast(path);
  const hidden = path.split("/").findIndex((part) => part.startsWith(".wh."));
  if (hidden >= 0 && hidden < path.split("/").length - 1) return { kind: "ignored" };
  if (!last.startsWith(".wh.")) return NONE;
  if (last === ".wh..wh..opq") return { kind: "opaque", path: parent };
  if (last.startsWith(".wh..wh.")) return { kind: "ignored" };
  const name = last.slice(4);
  if (name === "" || name === "." || name === "..") {
    throw badLayer(`the whiteout ${show(path)} hides nothing that can have a name`, { path });
  }
  return { kind: "hide", path: parent === "." ? name : `${parent}/${name}` };
}
