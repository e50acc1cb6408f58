import { type FileHandle, open } from "node:fs/promises";
import { LibctError } from "../../errors.ts";
import { untilAborted } from "../abort.ts";
import { collectBytes } from "../read-blob.ts";
import { decompressArchive } from "./archive-compression.ts";
import { fileError } from "./files.ts";
import type { Members } from "./members.ts";
import { readBetween, spool } from "./scratch.ts";
import { indexTar } from "./tar-index.ts";

/** The members of a tar archive. A compressed one is unpacked first, as nobody can read in the middle of it. */
export async function archiveMembers(path: string, signal?: AbortSignal): Promise<Members> {
  const content = await decompressArchive(path, signal);
  if (content) return membersOf(await spool(content), path);
  const file = await open(path, "r").catch((error: unknown) => {
    throw fileError("read", path, error);
  });
  return membersOf(file, path);
}

/** The same of an archive that comes from somewhere, such as a program. */
export const spooledMembers = async (
  content: AsyncIterable<Uint8Array>,
  name: string,
  signal: AbortSignal | undefined,
): Promise<Members> => membersOf(await spool(untilAborted(content, signal, name)), name);

async function membersOf(file: FileHandle, path: string): Promise<Members> {
  const index = await indexTar(file, path).catch(async (error: unknown) => {
    await file.close();
    throw error;
  });
  const find = (member: string) => {
    const found = index.get(member);
    if (found) return found;
    throw new LibctError("ERR_CT_NO_SUCH_IMAGE", `${path}: there is no ${member} in the archive`, { path });
  };
  return {
    name: path,
    has: (member) => index.has(member),
    sizeOf: (member) => find(member).size,
    async read(member, most) {
      const { offset, size } = find(member);
      return collectBytes(readBetween(file, offset, offset + size), most, `${path}: ${member}`);
    },
    stream(member, from = 0, signal) {
      const { offset, size } = find(member);
      return readBetween(file, offset + from, offset + size, signal);
    },
    close: () => file.close(),
  };
}
