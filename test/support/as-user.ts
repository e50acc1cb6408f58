import { type ChildProcessByStdio, execFileSync, spawn } from "node:child_process";
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  copyFileSync,
  lstatSync,
  mkdirSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { locateExecutor } from "../../src/executor/index.ts";

/** Directories that scripts import from. */
export const support = fileURLToPath(new URL(".", import.meta.url)).replace(/\/$/, "");
export const source = fileURLToPath(new URL("../../src", import.meta.url));

/** A uid and gid without an entry in passwd and without any rights. */
export const ORDINARY = 12345;

/** Makes one JavaScript file of a TypeScript script and all that it imports: a clone may lie in a directory that others cannot read. */
export function bundle(script: string, directory: string): string {
  const input = join(directory, "script.ts");
  const output = join(directory, "script.mjs");
  writeFileSync(input, script);
  const bun = fileURLToPath(new URL("../../node_modules/.bin/bun", import.meta.url));
  execFileSync(bun, ["build", input, "--target", "node", "--outfile", output], {
    stdio: "pipe",
    cwd: dirname(source),
  });
  return output;
}

/** Copies a program to where everybody can execute it, when some directory above it is closed. */
export function reachable(program: string, directory: string): string {
  for (let at = dirname(program); at !== "/"; at = dirname(at)) {
    if ((lstatSync(at).mode & 0o001) !== 0) continue;
    const copy = join(directory, program.slice(program.lastIndexOf("/") + 1));
    copyFileSync(program, copy, constants.COPYFILE_FICLONE);
    chmodSync(copy, 0o755);
    return copy;
  }
  accessSync(program, constants.X_OK);
  return program;
}

export interface ScriptOptions {
  /** As an ordinary user with a home of its own, instead of as root. */
  readonly user?: boolean;
  /** Shell commands that run first, as root, in a mount namespace of the script's own. */
  readonly prepare?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** What scripts can use without importing it. */
const PRELUDE = `
import * as ct from "${source}/index.ts";
import { capture, outcome, shell, waitForOutput } from "${support}/capture.ts";
import { openHost } from "${support}/host.ts";
const report = (value: unknown) => console.log(JSON.stringify(value));
`;

/** Starts a TypeScript script under Node in a process of its own. `directory` is for its files. Needs root. */
export function spawnScript(
  script: string,
  directory: string,
  options: ScriptOptions = {},
): ChildProcessByStdio<null, Readable, Readable> {
  const home = join(directory, "home");
  mkdirSync(home, { recursive: true });
  if (options.user) chownSync(home, ORDINARY, ORDINARY);
  const program = bundle(PRELUDE + script, directory);
  const node = [reachable(process.execPath, directory), program];
  const asUser = ["setpriv", `--reuid=${ORDINARY}`, `--regid=${ORDINARY}`, "--clear-groups", ...node];
  const inner = options.user ? asUser : node;
  const prepared = [
    "unshare",
    "--mount",
    "--propagation",
    "private",
    "sh",
    "-c",
    `${options.prepare} && exec "$@"`,
    "sh",
  ];
  const [command = "", ...args] = options.prepare === undefined ? inner : [...prepared, ...inner];
  const executor = reachable(process.env.LIBCT_TEST_EXECUTOR ?? locateExecutor().path, directory);
  // See leaks.ts: what the script leaves is told by it.
  const run = process.env.LIBCT_TEST_RUN ?? "";
  return spawn(command, args, {
    cwd: "/",
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
      HOME: home,
      LIBCT_TEST_EXECUTOR: executor,
      LIBCT_TEST_RUN: run,
      ...options.env,
    },
  });
}

/** Runs such a script to its end, and gives what it has reported. */
export async function runScript(script: string, directory: string, options: ScriptOptions = {}): Promise<unknown[]> {
  const child = spawnScript(script, directory, options);
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const status = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (status !== 0) throw new Error(`the script ended with ${status}: ${stdout}${stderr}`);
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
}
