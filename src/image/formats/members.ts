import { existsSync, statSync } from "node:fs";
import { fileError, readSmall, readStream } from "./files.ts";

/** Files with content, by their names from the root of a directory or an archive. */
export interface Members {
  /** For messages. */
  readonly name: string;
  has(member: string): boolean;
  /** Bytes; throws when there is no such member. */
  sizeOf(member: string): number;
  read(member: string, most: number): Promise<Uint8Array>;
  stream(member: string, from?: number, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

export function directoryMembers(directory: string): Members {
  const pathOf = (member: string) => `${directory}/${member}`;
  return {
    name: directory,
    has: (member) => existsSync(pathOf(member)),
    sizeOf(member) {
      try {
        return statSync(pathOf(member)).size;
      } catch (error) {
        throw fileError("read", pathOf(member), error);
      }
    },
    read: async (member, most) => readSmall(pathOf(member), most),
    stream: (member, from = 0, signal) => readStream(pathOf(member), from, undefined, signal),
    close: async () => undefined,
  };
}
