import { harmless } from "./harmless.ts";

/** Rows of text in columns, the first one a heading. */
export function table(given: readonly (readonly string[])[]): string {
  const rows = given.map((row) => row.map(harmless));
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** "5s", "3m", "2h", "4d" */
export function age(seconds: number): string {
  const units = [
    [86400, "d"],
    [3600, "h"],
    [60, "m"],
  ] as const;
  const unit = units.find(([size]) => seconds >= size);
  return unit ? `${Math.floor(seconds / unit[0])}${unit[1]}` : `${Math.max(0, Math.floor(seconds))}s`;
}

/** "1.5M" of bytes */
export function bytes(count: number): string {
  const units = ["B", "K", "M", "G", "T"];
  let [value, at] = [count, 0];
  for (; value >= 1024 && at < units.length - 1; at++) value /= 1024;
  return `${at === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)}${units[at]}`;
}
