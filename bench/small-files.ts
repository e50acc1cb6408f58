import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { archiveOf, entry, file } from "../test/support/layers.ts";

/** A compressed layer of so many small files, as a package manager of JavaScript leaves them; gives its path. */
export async function smallFilesLayer(directory: string, count: number): Promise<string> {
  const members = Array.from({ length: count / 100 }, (_, index) => [
    entry(`app/node_modules/package-${index}`, "directory"),
    ...Array.from({ length: 100 }, (__, at) =>
      file(
        `app/node_modules/package-${index}/file-${at}.js`,
        `export const n = ${index * at};\n`.repeat(10 + ((index * 7 + at * 13) % 150)),
      ),
    ),
  ]);
  writeFileSync(`${directory}/small.tar`, await archiveOf(...members.flat()));
  execFileSync("gzip", [`${directory}/small.tar`]);
  return `${directory}/small.tar.gz`;
}
