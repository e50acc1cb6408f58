import type { Location } from "../location.ts";
import { LARGEST_MANIFEST } from "../manifest.ts";
import { type ImageReference, parseReference } from "../reference.ts";
import type { ImageDestination, ImageSource } from "../types.ts";
import { archiveMembers } from "./archive-members.ts";
import { archiveWriter } from "./archive-writer.ts";
import { archiveKind, dockerArchiveSource, savedImages } from "./docker-archive.ts";
import { closing } from "./engine.ts";
import { layoutSource } from "./layout.ts";
import { imageNames, readLayoutIndex } from "./layout-index.ts";
import type { Members } from "./members.ts";
import { fileOutput } from "./outputs.ts";

type ArchiveLocation = Extract<Location, { readonly transport: "oci-archive" | "docker-archive" | "archive" }>;

/** An image in an archive of either kind, compressed or not. */
export async function openArchive(location: ArchiveLocation, signal?: AbortSignal): Promise<ImageSource> {
  const members = await archiveMembers(location.path, signal);
  return within(members, async () => {
    if (location.transport === "docker-archive") return dockerArchiveSource(members, location.reference);
    if (location.transport === "oci-archive" || (await archiveKind(members)) === "oci") {
      return layoutSource(members, location.name, location.transport);
    }
    return dockerArchiveSource(members, location.name === undefined ? undefined : parseReference(location.name));
  });
}

/** The names of all images in an archive, as its transport takes them; undefined stands for one that has none. */
export async function namesInArchive(path: string, signal?: AbortSignal): Promise<readonly (string | undefined)[]> {
  const members = await archiveMembers(path, signal);
  const names = await within(members, async () => {
    if ((await archiveKind(members)) === "docker") {
      return (await savedImages(members)).flatMap(({ RepoTags }) => RepoTags?.slice(0, 1) ?? [undefined]);
    }
    const index = readLayoutIndex(await members.read("index.json", LARGEST_MANIFEST), path);
    const names = imageNames(index);
    return names.length === 0 ? [undefined] : names;
  });
  await members.close();
  return names;
}

async function within<T>(members: Members, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    await members.close();
    throw error;
  }
}

/** A file with one image. */
export async function newArchive(path: string, name: string | ImageReference | undefined): Promise<ImageDestination> {
  return closing(archiveWriter(await fileOutput(path), `archive:${path}`), name);
}
