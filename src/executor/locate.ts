import { existsSync } from "node:fs";
import { LibctError } from "../errors.ts";
import type { Arch } from "../linux/index.ts";

/** The executor's file, and what to do when it has been started. */
export interface ExecutorFile {
  readonly path: string;
  release?(): void;
}

let embedded: (() => ExecutorFile) | undefined;

/** For single-file programs, which carry the executor themselves: the function puts it somewhere. */
export function useExecutor(provide: () => ExecutorFile): void {
  embedded = provide;
}

/** The architecture of this process as libct names it. */
export function hostArch(): Arch {
  if (process.arch === "x64") return "x86_64";
  if (process.arch === "arm64") return "aarch64";
  throw new LibctError("ERR_CT_NOT_SUPPORTED", `libct does not run on ${process.arch}: expected x64 or arm64`);
}

/** The executor that comes with this package: the same place from src/ and from dist/. */
export function locateExecutor(): ExecutorFile {
  if (embedded) return embedded();
  const path = decodeURIComponent(new URL(`../../prebuilt/ct-executor-${hostArch()}`, import.meta.url).pathname);
  if (existsSync(path)) return { path };
  throw new LibctError("ERR_CT_EXECUTOR", `no executor at ${path}`, {
    path,
    hint: "in a clone, build it with `npm run build` (a C compiler is all it needs)",
  });
}
