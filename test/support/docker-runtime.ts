import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, expect } from "vitest";
import { builtBinaries } from "./binaries.ts";
import { DockerEngine, type EngineOptions, hasDocker, type Result, run } from "./docker-engine.ts";
import { installed, requires } from "./prerequisite.ts";
import { makeRoot, temporaryDirectory } from "./rootfs.ts";

/** What the tests of ct-runtime under a Docker Engine need. */
export const dockerAvailable =
  requires("dockerd", hasDocker, "Docker Engine (docker.io), started as root") &&
  requires("runc", installed("runc"), "what containers see and say is compared") &&
  requires("iptables", installed("iptables-save"), "the engine's network");

export const RUNTIMES = ["libct", "runc"] as const;
export type RuntimeName = (typeof RUNTIMES)[number];

/** An engine that has ct-runtime as "libct" beside runc, and an image "busybox"; when the tests are through it must have left nothing. */
export class RuntimeEngine {
  #engine: DockerEngine | undefined;

  get engine(): DockerEngine {
    if (!this.#engine) throw new Error("the engine has not started");
    return this.#engine;
  }

  async start({ flags = [], ...options }: EngineOptions): Promise<void> {
    this.#engine = await DockerEngine.start({
      ...options,
      flags: ["--add-runtime", `libct=${builtBinaries().runtime}`, ...flags],
    });
    this.#engine.import(image(), "busybox");
  }

  async stop(): Promise<void> {
    const left = await this.#engine?.stop();
    expect(left ?? [], "left behind by the engine and its containers").toEqual([]);
  }

  docker = (...words: readonly string[]): Promise<Result> => this.engine.docker(...words);
  ask = (...words: readonly string[]): Promise<string> => this.engine.ask(...words);

  /** `docker run --rm` with this runtime. */
  run(runtime: RuntimeName, options: readonly string[], ...command: readonly string[]): Promise<Result> {
    return this.docker("run", "--rm", `--runtime=${runtime}`, ...withNetwork(options), "busybox", ...command);
  }

  /** `docker run --rm` of a shell script with both runtimes: what it says and its exit status must be the same. */
  async same(options: readonly string[], script: string): Promise<string> {
    return await this.sameCommand(options, "sh", "-c", script);
  }

  async sameCommand(options: readonly string[], ...command: readonly string[]): Promise<string> {
    return await both((runtime) => this.run(runtime, options, ...command));
  }

  /** Starts a container that runs on until it is killed; gives its id. */
  detached(runtime: RuntimeName, options: readonly string[], script: string): Promise<string> {
    const words = ["run", "--detach", `--runtime=${runtime}`, ...withNetwork(options), "busybox", "sh", "-c", script];
    return this.ask(...words);
  }

  /** Does the same with a long-running container of each runtime, whose results must be equal, and removes it. */
  async sameWith(
    options: readonly string[],
    script: string,
    act: (id: string, runtime: RuntimeName) => Promise<unknown>,
  ): Promise<unknown> {
    const results = await Promise.all(
      RUNTIMES.map(async (runtime) => {
        const id = await this.detached(runtime, options, script);
        const result = await act(id, runtime);
        await this.ask("rm", "--force", id);
        return result;
      }),
    );
    expect(results[0]).toEqual(results[1]);
    return results[0];
  }

  /** Sets the size of a pseudo-terminal of the machine. */
  async resize(device: string, rows: number, columns: number): Promise<void> {
    await run("stty", ["-F", device, "rows", String(rows), "cols", String(columns)]);
  }

  inspect(id: string, format: string): Promise<string> {
    return this.ask("inspect", "--format", format, id);
  }

  /** Waits until the container has written this. */
  async logged(id: string, text: string): Promise<void> {
    await expect.poll(async () => (await this.docker("logs", id)).stdout, { timeout: 10_000 }).toContain(text);
  }
}

const withNetwork = (options: readonly string[]): readonly string[] =>
  options.some((word) => /^--(net|network)\b/.test(word)) ? options : ["--network=none", ...options];

/** Ids of containers are random. */
const withoutIds = ({ status, stdout, stderr }: Result): Result => {
  const plain = (text: string) => text.replace(/\b[0-9a-f]{64}\b|\b[0-9a-f]{12}\b/g, "ID");
  return { status, stdout: plain(stdout), stderr: plain(stderr) };
};

/** The same of both runtimes; gives the standard output. */
export async function both(act: (runtime: RuntimeName) => Promise<Result>): Promise<string> {
  const [libct, runc] = await Promise.all(RUNTIMES.map(async (runtime) => withoutIds(await act(runtime))));
  expect(libct).toEqual(runc);
  return libct?.stdout ?? "";
}

/** For a `describe` block: the engine for its tests. */
export function withEngine(options: EngineOptions = {}): RuntimeEngine {
  const engine = new RuntimeEngine();
  beforeAll(() => engine.start(options));
  afterAll(() => engine.stop());
  return engine;
}

let root: string | undefined;

/** All of busybox, for an image. */
function image(): string {
  if (root !== undefined) return root;
  root = makeRoot(directory);
  execFileSync("chroot", [root, "/bin/busybox", "--install", "-s", "/bin"]);
  return root;
}

const directory = temporaryDirectory();
