import { statSync } from "node:fs";
import { LibctError } from "../../errors.ts";
import {
  type CommitOptions,
  canonicalName,
  type ReceiveEvent,
  reconfigureImage,
  removeName,
  requireImage,
} from "../../image/index.ts";
import type { ImagesContext } from "./context.ts";
import { describeImage, type ImageInfo } from "./describe.ts";
import type { PullOptions } from "./images.ts";
import { pullImage } from "./pull.ts";

/** A tar archive, or a directory with a root, as an image of one layer. */
export async function importTree(
  context: ImagesContext,
  path: string,
  options: PullOptions & Pick<CommitOptions, "name" | "changes" | "message">,
  tell: (event: ReceiveEvent) => void,
): Promise<ImageInfo> {
  const { name: given, changes = [], message, ...pull } = options;
  const name = given === undefined ? undefined : canonicalName(given);
  const place = `${kindOf(path)}:${path}`;
  if (changes.length === 0 && message === undefined) {
    return await pullImage(context, place, { ...pull, ...(name === undefined ? {} : { name }) }, tell);
  }
  const { store } = context;
  const plain = await pullImage(context, place, pull, tell);
  const { image } = requireImage(store, plain.digest);
  const changed = await reconfigureImage(store, image, { name, changes, message });
  removeName(store, plain.digest);
  return describeImage(store, requireImage(store, name ?? changed.digest));
}

function kindOf(path: string): "tar" | "rootfs" {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) throw new LibctError("ERR_CT_USAGE", `${path} does not exist`, { path, errno: "ENOENT" });
  return stat.isDirectory() ? "rootfs" : "tar";
}
