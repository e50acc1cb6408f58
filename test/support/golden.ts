import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** `UPDATE_GOLDEN=1 npx vitest run golden enter` writes the listings anew; the difference is then for a person to read. */
export function golden(name: string, listing: string): string {
  const file = fileURLToPath(new URL(`../unit/golden/${name}.golden`, import.meta.url));
  if (process.env.UPDATE_GOLDEN) writeFileSync(file, listing);
  return readFileSync(file, "utf8");
}
