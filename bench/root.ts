import { cpSync, mkdirSync, symlinkSync } from "node:fs";

/** A root with a static busybox under these names. */
export function makeRoot(root: string, names: readonly string[] = ["true", "sleep", "sh"]): void {
  mkdirSync(`${root}/bin`, { recursive: true });
  for (const name of ["proc", "sys", "dev"]) mkdirSync(`${root}/${name}`);
  cpSync("/bin/busybox", `${root}/bin/busybox`, { dereference: true });
  for (const name of names) symlinkSync("busybox", `${root}/bin/${name}`);
}
