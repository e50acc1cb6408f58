import { readFileSync } from "node:fs";

/** The user's ranges in /etc/subuid or /etc/subgid (subuid(5)): lines of name-or-id:start:count. */
export function subordinateIds(
  file: string,
  id: number,
): readonly { readonly start: number; readonly count: number }[] {
  let content: string;
  try {
    content = readFileSync(file, "utf8");
  } catch {
    return []; // Without the file nobody has subordinate ids.
  }
  const names = [String(id), ownName()];
  return content
    .split("\n")
    .map((line) => line.trim().split(":"))
    .filter(([name]) => name !== undefined && names.includes(name))
    .map(([, start, count]) => ({ start: Number(start), count: Number(count) }))
    .filter(({ start, count }) => Number.isInteger(start) && Number.isInteger(count) && count > 0);
}

function ownName(): string {
  try {
    return process.getBuiltinModule("node:os").userInfo().username;
  } catch {
    return ""; // A user without an entry in passwd: only its number counts.
  }
}
