import { LibctError } from "../../errors.ts";
import type { ImageReference } from "../reference.ts";
import { parseReference } from "../reference.ts";
import type { ImageDestination, ImageSource } from "../types.ts";
import { spooledMembers } from "./archive-members.ts";
import { type ArchiveWriter, archiveWriter } from "./archive-writer.ts";
import { archiveKind, dockerArchiveSource } from "./docker-archive.ts";
import { layoutSource } from "./layout.ts";
import type { Members } from "./members.ts";
import { outputOf, programOutput } from "./program.ts";

export type Engine = "docker" | "podman";

/** An image in the store of a running Docker or of podman, by `docker save`: there is no other way in that all versions have. */
export async function engineSource(engine: Engine, name: string, signal?: AbortSignal): Promise<ImageSource> {
  const words = engine === "docker" ? ["save"] : ["save", "--quiet", "--format", "docker-archive"];
  const output = outputOf(engine, [...words, checked(name)]);
  const members = await spooledMembers(output, `${engine} save ${name}`, signal);
  return onlyImage(members);
}

/** A name or an id; what looks like an option would be one. */
function checked(name: string): string {
  if (!/^[\w[]/.test(name)) throw new LibctError("ERR_CT_USAGE", `${JSON.stringify(name)} does not name an image`);
  return name;
}

/** What the engine was asked for is all that is in it; a layout goes first, as it has the manifests as they are. */
async function onlyImage(members: Members): Promise<ImageSource> {
  return (await archiveKind(members)) === "oci"
    ? layoutSource(members, undefined, "docker-daemon")
    : dockerArchiveSource(members);
}

/** The store of an engine to copy into, by `docker load`. */
export function engineDestination(engine: Engine, name: string): ImageDestination {
  const reference = parseReference(name);
  const words = engine === "docker" ? ["load"] : ["load", "--quiet"];
  return closing(archiveWriter(programOutput(engine, words), `${engine}:${name}`), reference);
}

/** The destination of one image, which ends its archive when it is closed. */
export function closing(writer: ArchiveWriter, name: string | ImageReference | undefined): ImageDestination {
  const destination = writer.destination(name);
  let whole = false;
  return {
    ...destination,
    async putManifest(raw, tagged, options) {
      await destination.putManifest(raw, tagged, options);
      // The one with the reference is the last.
      if (!tagged) return;
      await writer.finish();
      whole = true;
    },
    async close() {
      if (!whole) await writer.discard();
    },
  };
}
