// The entry of the single-file `ct` that Bun builds: it carries the executor in itself.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import packageJson from "../../package.json" with { type: "json" };
// @ts-expect-error: Bun's bundler makes a path of it.
import x86_64 from "../../prebuilt/ct-executor-x86_64" with { type: "file" };
import { useExecutor } from "../executor/index.ts";
import { main } from "./program.ts";

// Only a real file can be executed. It is gone as soon as the executor runs, which goes on from a copy in memory.
useExecutor(() => {
  const directory = mkdtempSync("/tmp/libct-");
  const path = `${directory}/ct-executor`;
  writeFileSync(path, readFileSync(x86_64 as string), { mode: 0o700 });
  return { path, release: () => rmSync(directory, { recursive: true, force: true }) };
});

process.exitCode = await main(process.argv.slice(2), packageJson.version);
