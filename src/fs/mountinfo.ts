import { readFileSync } from "node:fs";

export interface MountInfo {
  readonly mountPoint: string;
  /** What of the filesystem is mounted: "/" is all of it. */
  readonly root: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** The mounts that this process sees (proc_pid_mountinfo(5)), in the order in which they were made. */
export function readMountInfo(file = "/proc/self/mountinfo"): readonly MountInfo[] {
  return parseMountInfo(readFileSync(file, "utf8"));
}

export function parseMountInfo(content: string): readonly MountInfo[] {
  return content
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [before = "", after = ""] = line.split(" - ");
      const fields = before.split(" ");
      return {
        mountPoint: unescapeOctal(fields[4] ?? ""),
        root: unescapeOctal(fields[3] ?? ""),
        options: (fields[5] ?? "").split(","),
        type: after.split(" ")[0] ?? "",
      };
    });
}

/** Blanks, tabs, newlines and backslashes are written in octal. */
const unescapeOctal = (path: string) =>
  path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
