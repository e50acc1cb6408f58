import { execFile, execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { locateExecutor } from "../../src/executor/index.ts";
import { bundle, reachable } from "./as-user.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);

/** A directory that everybody may enter; the caller removes it. */
export function playground(base = "/tmp"): string {
  const path = mkdtempSync(`${base}/libct-test-`);
  chmodSync(path, 0o755);
  return path;
}

export const remove = (path: string): void => rmSync(path, { recursive: true, force: true });

const APPLETS = [
  "sh",
  "cat",
  "ls",
  "id",
  "echo",
  "sleep",
  "touch",
  "mount",
  "umount",
  "true",
  "false",
  "head",
  "ps",
  "env",
  "dd",
];

/** A small root with busybox in it. */
export function busyboxRoot(path: string): string {
  for (const name of ["bin", "proc", "dev", "sys", "etc", "tmp", "root"])
    mkdirSync(`${path}/${name}`, { recursive: true });
  copyFileSync("/bin/busybox", `${path}/bin/busybox`);
  for (const name of APPLETS) symlinkSync("busybox", `${path}/bin/${name}`);
  writeFileSync(`${path}/etc/passwd`, "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/:/bin/sh\n");
  writeFileSync(`${path}/etc/group`, "root:x:0:\napp:x:1000:\nstaff:x:50:app\n");
  return path;
}

/** Compiles a C program without a need for libraries at run time. */
export function compileC(source: string, program: string): string {
  writeFileSync(`${program}.c`, source);
  execFileSync("gcc", ["-O1", "-static", "-o", program, `${program}.c`]);
  rmSync(`${program}.c`);
  chmodSync(program, 0o755);
  return program;
}

export interface ScriptOptions {
  /** Its user; groups are given up. */
  readonly uid?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** What starts it: the words before the interpreter's. */
  readonly launcher?: readonly string[];
}

/**
 * Runs the body of an async function, with `libct` (the library) and `host` (an open Host) at hand, in a process of its own and gives what it returns. An
 * error becomes `{ code, message, ... }`.
 */
export async function inProcess<T = unknown>(body: string, options: ScriptOptions = {}): Promise<T> {
  const program = `
    import * as libct from "${PROJECT}src/index.ts";
    import { openHost } from "${PROJECT}test/support/host.ts";
    const failed = (error) => ({ failed: true, code: error.code, message: error.message, hint: error.hint, errno: error.errno, member: error.member, syscall: error.syscall });
    const host = await openHost();
    const attempt = (action) => action().catch(failed);
    const result = await (async () => { ${body} })().catch(failed);
    await host[Symbol.asyncDispose]();
    console.log("\\n" + JSON.stringify(result ?? null));`;
  // The clone may lie in a directory that the user cannot read, and the home must not be a real one.
  const directory = mkdtempSync("/tmp/libct-test-script-");
  try {
    chmodSync(directory, 0o755);
    const executor = reachable(process.env.LIBCT_TEST_EXECUTOR ?? locateExecutor().path, directory);
    const command = [...(options.launcher ?? []), reachable(process.execPath, directory), bundle(program, directory)];
    const [file = "", ...words] = command;
    const env = { PATH: process.env.PATH ?? "", HOME: directory, LIBCT_TEST_EXECUTOR: executor, ...options.env };
    const ids = options.uid === undefined ? {} : { uid: options.uid, gid: options.uid };
    const { stdout } = await run(file, words, { env, cwd: "/", ...ids, maxBuffer: 16 << 20 });
    return JSON.parse(stdout.trim().split("\n").at(-1) ?? "null") as T;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export interface Failed {
  readonly failed: true;
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly errno?: string;
  readonly member?: string;
  readonly syscall?: string;
}

/** What a container could leave behind on the machine: mounts, cgroups, and what is in the directories that roots are built in. */
export function traces(executor?: number): unknown {
  const cgroups = listed("/sys/fs/cgroup").flatMap((name) => [
    ...listed(`/sys/fs/cgroup/${name}`).filter((entry) => entry.startsWith("libct-")),
  ]);
  return {
    mounts: readFileSync("/proc/self/mountinfo", "utf8").split("\n").length,
    scratch: listed("/run/libct/scratch"),
    cgroups,
    children: executor === undefined ? "" : readFileSync(`/proc/${executor}/task/${executor}/children`, "utf8"),
  };
}

function listed(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return []; // Not there, or a file: nothing in it.
  }
}
