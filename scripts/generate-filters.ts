// Writes src/compile/seccomp-prebuilt-filters.ts: `bun scripts/generate-filters.ts`.
import { writeFileSync } from "node:fs";
import { prebuiltFilters } from "./prebuilt-filters.ts";

const entries = Object.entries(prebuiltFilters()).map(
  ([key, text]) => `  ${JSON.stringify(key)}:\n    ${JSON.stringify(text)},`,
);
const lines = [
  "/** Generated from the default profile by scripts/generate-filters.ts; a test keeps it current. */",
  "export const PREBUILT_FILTERS: Readonly<Record<string, string>> = {",
  ...entries,
  "};",
  "",
];
writeFileSync(new URL("../src/compile/seccomp-prebuilt-filters.ts", import.meta.url), lines.join("\n"));
