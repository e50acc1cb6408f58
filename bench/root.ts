import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync } from "node:fs";

/** A root with a static busybox under these names. */
export function makeRoot(root: string, names: readonly string[] = ["true", "sleep", "sh"]): void {
  mkdirSync(`${root}/bin`, { recursive: true });
  for (const name of ["proc", "sys", "dev"]) mkdirSync(`${root}/${name}`);
  cpSync("/bin/busybox", `${root}/bin/busybox`, { dereference: true });
  for (const name of names) symlinkSync("busybox", `${root}/bin/${name}`);
}

/** Adds a program of the machine's, and what it is linked with. */
export function addProgram(root: string, name: string): void {
  const program = execFileSync("which", [name], { encoding: "utf8" }).trim();
  const libraries = execFileSync("ldd", [program], { encoding: "utf8" }).match(/\/\S+/g) ?? [];
  for (const file of [program, ...libraries]) {
    mkdirSync(`${root}${file.slice(0, file.lastIndexOf("/"))}`, { recursive: true });
    cpSync(file, `${root}${file}`, { dereference: true });
  }
}
