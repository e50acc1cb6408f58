import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface TreeOptions {
  /** Times of change of what is no directory: "ns", whole seconds, or not at all. Default "ns". */
  readonly times?: "ns" | "s" | "none";
  /** Those of directories, too. */
  readonly directoryTimes?: boolean;
}

/** A tree as sorted lines that a person can read: type and mode, owner, size, device, time, attributes, names that are one file, content. */
export function listTree(root: string, options: TreeOptions = {}): string[] {
  const attributes = readAttributes(root);
  const first = new Map<bigint, string>();
  const lines: string[] = [];
  const visit = (path: Buffer, name: string) => {
    const stat = lstatSync(path, { bigint: true });
    const time = options.times === "s" ? stat.mtimeNs / 1_000_000_000n : stat.mtimeNs;
    const timed = options.times !== "none" && (!stat.isDirectory() || options.directoryTimes === true);
    const facts = [
      name === "" ? "/" : name,
      stat.mode.toString(8),
      `${stat.uid}:${stat.gid}`,
      stat.isDirectory() ? "" : `size=${stat.size}`,
      stat.isCharacterDevice() || stat.isBlockDevice() ? `device=${stat.rdev}` : "",
      timed ? `time=${time}` : "",
      attributes.get(name) ?? "",
    ];
    if (stat.nlink > 1n && !stat.isDirectory()) {
      const same = first.get(stat.ino);
      if (same === undefined) first.set(stat.ino, name);
      else facts.push(`is ${same}`);
    }
    if (stat.isFile()) facts.push(createHash("md5").update(readFileSync(path)).digest("hex").slice(0, 12));
    if (stat.isSymbolicLink()) facts.push(`-> ${readlinkSync(path, "latin1")}`);
    lines.push(facts.filter((fact) => fact !== "").join(" "));
    if (!stat.isDirectory()) return;
    const names = readdirSync(path, { encoding: "buffer" }).sort(Buffer.compare);
    for (const child of names)
      visit(Buffer.concat([path, Buffer.from("/"), child]), `${name}/${child.toString("latin1")}`);
  };
  visit(Buffer.from(root), "");
  return lines;
}

/** getfattr(1) writes names as "# file: NAME" with odd bytes in octal, and a line for each attribute. */
function readAttributes(root: string): ReadonlyMap<string, string> {
  const text = execFileSync("getfattr", ["-R", "-P", "-h", "-d", "-m", "-", "-e", "hex", "--absolute-names", "."], {
    cwd: root,
    encoding: "latin1",
    maxBuffer: 1 << 28,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const found = new Map<string, string>();
  for (const block of text.split("\n\n")) {
    const [head = "", ...attributes] = block.split("\n").filter((line) => line !== "");
    const name = head
      .replace("# file: .", "")
      .replace(/\\(\d{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8)));
    if (head !== "") found.set(name, attributes.sort().join(","));
  }
  return found;
}
