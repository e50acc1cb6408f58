import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { LibctError } from "../../errors.ts";
import { untilAborted } from "../abort.ts";
import { OCI_LAYER } from "../media-types.ts";
import type { Digest, ImageSource } from "../types.ts";
import { fileError } from "./files.ts";
import { outputOf } from "./program.ts";
import { readBetween, spool } from "./scratch.ts";
import { singleLayer } from "./single-layer.ts";

/** GNU tar with all that a layer can hold, in an order and a form that depend on nothing but the files. */
const WORDS = [
  "--create",
  "--format=pax",
  "--pax-option=delete=atime,delete=ctime,exthdr.name=%d/PaxHeaders/%f",
  "--sort=name",
  "--numeric-owner",
  "--xattrs",
  "--xattrs-include=*",
  "--one-file-system",
];

/** A directory with a root filesystem as an image of one layer. Equal directories give equal images. */
export async function rootfsSource(directory: string, signal?: AbortSignal): Promise<ImageSource> {
  requireDirectory(directory);
  const hash = createHash("sha256");
  let size = 0;
  const counted = (async function* () {
    for await (const chunk of outputOf("tar", [...WORDS, `--directory=${directory}`, "."])) {
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  })();
  const file = await spool(untilAborted(counted, signal, `reading ${directory}`));
  const digest: Digest = `sha256:${hash.digest("hex")}`;
  const layer = { mediaType: OCI_LAYER, digest, size };
  const source = singleLayer(`rootfs:${directory}`, layer, digest, (from, signal) =>
    readBetween(file, from, size, signal),
  );
  return { ...source, close: () => file.close() };
}

function requireDirectory(path: string): void {
  try {
    if (statSync(path).isDirectory()) return;
  } catch (error) {
    throw fileError("read", path, error);
  }
  throw new LibctError("ERR_CT_NO_SUCH_IMAGE", `${path} is no directory`, { path, hint: "a tar file is tar:FILE" });
}
