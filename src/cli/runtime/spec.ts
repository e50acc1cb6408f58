import { existsSync, writeFileSync } from "node:fs";
import { LibctError } from "../../errors.ts";
import { defaultConfig, ociFeatures } from "../../flavours/oci/index.ts";
import { say } from "./output.ts";
import type { Runtime } from "./runtime.ts";
import { type RuntimeSyntax, readCommand } from "./syntax.ts";

interface SpecFlags {
  readonly bundle?: string;
  readonly rootless?: true;
}

const SYNTAX: RuntimeSyntax<SpecFlags> = {
  summary: "write a config.json to begin with",
  usage: "[options]",
  words: [0, 0],
  flags: {
    bundle: { short: "-b", value: "dir", text: "the directory to write it to (default: the current one)" },
    rootless: { text: "for an ordinary user" },
  },
};

export async function spec(_: Runtime, line: readonly string[]): Promise<number> {
  const { flags } = readCommand("spec", SYNTAX, line);
  const path = `${flags.bundle ?? "."}/config.json`;
  if (existsSync(path)) {
    throw new LibctError("ERR_CT_USAGE", `${path} exists already`, { path, hint: "remove it first" });
  }
  const ids = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const config = await defaultConfig(flags.rootless ? ids : undefined);
  writeFileSync(path, `${JSON.stringify(config, undefined, "\t")}\n`);
  return 0;
}

export async function features(runtime: Runtime, line: readonly string[]): Promise<number> {
  readCommand("features", { summary: "tell what this runtime can do", usage: "", words: [0, 0], flags: {} }, line);
  say(`${JSON.stringify(await ociFeatures(runtime.version), undefined, 2)}\n`);
  return 0;
}
