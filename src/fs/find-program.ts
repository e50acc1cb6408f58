import { accessSync, constants } from "node:fs";

/** The path of a program that the system has installed; the caller's PATH is not asked, as it may lead anywhere. */
export function findProgram(name: string): string | undefined {
  for (const directory of ["/usr/bin", "/bin", "/usr/local/bin"]) {
    try {
      accessSync(`${directory}/${name}`, constants.X_OK);
      return `${directory}/${name}`;
    } catch {
      // Not here: the next directory.
    }
  }
  return undefined;
}
