import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from "node:child_process";
import { chmodSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";
import { locateExecutor } from "../../src/executor/index.ts";
import { defaultConfig } from "../../src/flavours/oci/default-config.ts";
import type { OciConfig } from "../../src/flavours/oci/index.ts";
import { reachable, source } from "./as-user.ts";
import { makeRoot } from "./rootfs.ts";

/** config.json, to be changed at will. */
export type Config = Draft<OciConfig> & {
  process: Draft<NonNullable<OciConfig["process"]>>;
  linux: Draft<NonNullable<OciConfig["linux"]>>;
  mounts: Draft<NonNullable<OciConfig["mounts"]>>;
};
type Draft<T> = T extends readonly (infer E)[]
  ? Draft<E>[]
  : T extends object
    ? { -readonly [K in keyof T]: Draft<T[K]> }
    : T;

export interface Ended {
  readonly status: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

export interface State {
  readonly ociVersion: string;
  readonly id: string;
  readonly pid: number;
  readonly status: string;
  readonly bundle: string;
}

type Options = Pick<SpawnOptions, "cwd" | "env" | "uid" | "gid">;

/** ct-runtime as engines call it, with its state and its bundles in a directory of the test file's own. */
export class OciRuntime {
  readonly directory: string;
  readonly #program: readonly string[];
  #count = 0;

  constructor() {
    this.directory = mkdtempSync("/tmp/ct-test-oci-");
    chmodSync(this.directory, 0o755);
    const bun = fileURLToPath(new URL("../../node_modules/bun/bin/bun.exe", import.meta.url));
    this.#program = [reachable(bun, this.directory), buildRuntime(bun, this.directory)];
  }

  /** What comes before the words of a command. */
  get command(): readonly string[] {
    return [...this.#program, "--root", `${this.directory}/state`];
  }

  /** A bundle with a small root; `change` makes its config.json and its root what the test needs. */
  bundle(change: (config: Config, root: string) => void = () => undefined): string {
    const path = `${this.directory}/bundle-${this.#count++}`;
    const root = makeRoot(`${path}/rootfs`);
    const config = structuredClone(defaultConfig()) as Config;
    config.process.args = ["sleep", "1000"];
    config.process.terminal = false;
    config.root.readonly = false;
    change(config, root);
    writeFileSync(`${path}/config.json`, JSON.stringify(config));
    return path;
  }

  /** Runs a command to its end. Its output is in files: a container that it leaves behind keeps them, and would keep a pipe from ending. */
  async run(words: readonly string[], options: Options = {}): Promise<Ended> {
    const [file = "", ...rest] = [...this.command, ...words];
    const base = `${this.directory}/output-${this.#count++}`;
    const [out, err] = [openSync(`${base}.out`, "w+"), openSync(`${base}.err`, "w+")];
    try {
      const child = spawn(file, rest, { stdio: ["ignore", out, err], cwd: this.directory, ...options });
      const status = await exitOf(child);
      return { status, stdout: readFileSync(`${base}.out`, "utf8"), stderr: readFileSync(`${base}.err`, "utf8") };
    } finally {
      closeSync(out);
      closeSync(err);
    }
  }

  /** As `run`, for what must succeed: its output. */
  async expect(words: readonly string[], options: Options = {}): Promise<string> {
    const { status, stdout, stderr } = await this.run(words, options);
    if (status !== 0) throw new Error(`ct-runtime ${words.join(" ")}: ${status}: ${stdout}${stderr}`);
    return stdout;
  }

  /** For a command whose streams the test talks to while it runs. */
  spawn(words: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const [file = "", ...rest] = [...this.command, ...words];
    return spawn(file, rest, { stdio: ["pipe", "pipe", "pipe"], cwd: this.directory, ...options });
  }

  /** Makes the container and lets its command go. */
  async start(id: string, bundle: string): Promise<number> {
    await this.expect(["create", "--bundle", bundle, id]);
    await this.expect(["start", id]);
    return (await this.state(id)).pid;
  }

  async state(id: string): Promise<State> {
    return JSON.parse(await this.expect(["state", id]));
  }

  /** Removes all containers: the end of a test. */
  async clean(): Promise<void> {
    const ids = (await this.expect(["list", "-q"])).trim().split("\n");
    for (const id of ids) if (id !== "") await this.run(["delete", "--force", id]);
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** The runtime of a test file. */
export function ociRuntime(): OciRuntime {
  const runtime = new OciRuntime();
  afterAll(() => runtime.remove());
  return runtime;
}

function buildRuntime(bun: string, directory: string): string {
  const executor = reachable(process.env.LIBCT_TEST_EXECUTOR ?? locateExecutor().path, directory);
  const script = `
    import { useExecutor } from "${source}/executor/index.ts";
    import { runtimeMain } from "${source}/cli/runtime/program.ts";
    useExecutor(() => ({ path: ${JSON.stringify(executor)} }));
    process.exit(await runtimeMain(process.argv.slice(2), "test"));`;
  writeFileSync(`${directory}/runtime.ts`, script);
  execFileSync(bun, ["build", `${directory}/runtime.ts`, "--target", "bun", "--outfile", `${directory}/runtime.mjs`], {
    cwd: dirname(source),
    stdio: "pipe",
  });
  return `${directory}/runtime.mjs`;
}

export const exitOf = (child: ChildProcess): Promise<number | string> =>
  new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(code ?? signal ?? ""));
  });

/** Puts a symbolic link in the place of whatever is there. */
export function replaceByLink(path: string, target: string): void {
  rmSync(path, { recursive: true, force: true });
  symlinkSync(target, path);
}
