import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { DockerRegistry } from "../test/support/docker-registry.ts";
import { installed } from "../test/support/prerequisite.ts";
import { startEngine } from "./docker.ts";
import { watchMemory } from "./tree-memory.ts";

export interface Sample {
  readonly seconds: number;
  /** The most memory of all processes that take part, in bytes. */
  readonly memory: number;
}

/** Pulls into a store, and unpacks. */
export interface Puller {
  readonly name: string;
  /** An empty store: to be removed by the caller. */
  open(directory: string): Promise<OpenStore>;
}

export interface OpenStore {
  pull(image: string): Promise<Sample>;
  close(): Promise<void>;
}

/** Where the registry is, and where its files are. */
export interface Source {
  readonly host: string;
  readonly files: string;
}

const repository = fileURLToPath(new URL("..", import.meta.url));

export function pullers({ host, files }: Source): readonly Puller[] {
  const ct = (words: readonly string[]) => (directory: string, image: string) => [
    [...words, "--root", `${directory}/state`, "--data", `${directory}/data`, "pull", "-q", `${host}/${image}`],
  ];
  const all: readonly (Puller | undefined)[] = [
    commands("ct, single file", ct([`${repository}/dist/ct`])),
    commands("ct in Node", ct(["node", `${repository}/dist/cli/main.js`])),
    installed("dockerd") && installed("docker") ? docker(files) : undefined,
    installed("podman") ? podman(host) : undefined,
    installed("skopeo") && installed("umoci") ? skopeoAndUmoci(host) : undefined,
  ];
  return all.filter((one) => one !== undefined);
}

type CommandsOf = (directory: string, image: string) => readonly (readonly string[])[];

/** Commands, one after the other, which keep all they have in a directory. */
function commands(name: string, of: CommandsOf, close = (_: string): void => undefined): Puller {
  return {
    name,
    async open(directory) {
      mkdirSync(directory);
      return {
        pull: async (image) => await runAll(of(directory, image)),
        async close() {
          close(directory);
          rmSync(directory, { recursive: true, force: true });
        },
      };
    },
  };
}

/** Time counts from the first one's start to the last one's end. */
async function runAll(list: readonly (readonly string[])[]): Promise<Sample> {
  const begun = performance.now();
  let memory = 0;
  for (const [file = "", ...words] of list) memory = Math.max(memory, await runWatched(file, words));
  return { seconds: (performance.now() - begun) / 1000, memory };
}

async function runWatched(file: string, words: readonly string[]): Promise<number> {
  const child = spawn(file, words, { stdio: ["ignore", "ignore", "pipe"] });
  const memory = watchMemory(child.pid ?? 0);
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-4000);
  });
  const status = await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
  const most = memory();
  if (status !== 0) throw new Error(`${[file, ...words].join(" ")} failed:\n${said}`);
  return most;
}

function podman(host: string): Puller {
  const of: CommandsOf = (directory, image) => {
    const store = ["--root", `${directory}/root`, "--runroot", `${directory}/run`, "--storage-driver", "overlay"];
    return [["podman", ...store, "pull", "-q", "--tls-verify=false", `${host}/${image}`]];
  };
  return commands("podman pull", of, unmountBelow);
}

/** podman leaves the directory of its driver mounted on itself. */
function unmountBelow(directory: string): void {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  const places = mounts.map((line) => line.split(" ")[4] ?? "").filter((place) => place.startsWith(`${directory}/`));
  for (const place of places.reverse()) spawnSync("umount", [place]);
}

function skopeoAndUmoci(host: string): Puller {
  return commands("skopeo copy, umoci unpack", (directory, image) => {
    const layout = `${directory}/layout:${image.replace(/.*\//, "").replace(":", "-")}`;
    const insecure = ["--insecure-policy", "copy", "-q", "--src-tls-verify=false"];
    return [
      ["skopeo", ...insecure, `docker://${host}/${image}`, `oci:${layout}`],
      ["umoci", "unpack", "--image", layout, `${directory}/${image.replaceAll("/", "-")}`],
    ];
  });
}

/** An engine of its own for each, in a network namespace that has a registry of the same files. Its start is not measured. */
function docker(files: string): Puller {
  return {
    name: "docker pull",
    async open(directory) {
      const engine = await startEngine(directory);
      const registry = await DockerRegistry.start(files, { beside: engine.pid });
      return {
        async pull(image) {
          const memory = watchMemory(engine.pid);
          const begun = performance.now();
          await engine.docker("pull", "-q", `${registry.host}/${image}`);
          return { seconds: (performance.now() - begun) / 1000, memory: memory() };
        },
        async close() {
          await registry.stop();
          await engine.stop();
          rmSync(directory, { recursive: true, force: true });
        },
      };
    },
  };
}
