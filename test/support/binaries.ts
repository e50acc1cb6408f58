import { execFileSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const project = fileURLToPath(new URL("../..", import.meta.url));

/** The single files dist/ct and dist/ct-runtime, built anew when something that they are made of is younger. */
export function builtBinaries(): { readonly ct: string; readonly runtime: string } {
  const files = { ct: `${project}dist/ct`, runtime: `${project}dist/ct-runtime` };
  const built = Math.min(...Object.values(files).map(changed));
  if (["src", "native", "scripts/build-bin.sh", "package.json"].some((name) => newest(`${project}${name}`) > built)) {
    execFileSync(`${project}scripts/build-bin.sh`, { stdio: "ignore" });
  }
  return files;
}

const changed = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

function newest(path: string): number {
  if (!statSync(path).isDirectory()) return changed(path);
  return Math.max(0, ...readdirSync(path).map((name) => newest(`${path}/${name}`)));
}
