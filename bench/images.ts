// `npm run bench:images [-- [--quick] [--clean] [pulls] [shared] [runs]]`: images pulled and unpacked by ct and its peers from one registry, taking turns. Prints; never fails for a figure.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { fileURLToPath } from "node:url";
import { DockerRegistry } from "../test/support/docker-registry.ts";
import { startCountingProxy } from "./counting-proxy.ts";
import { FIXTURES, prepareRegistry, SUCCESSOR } from "./image-fixtures.ts";
import { measureRuns } from "./image-runs.ts";
import { isInMemory } from "./in-memory.ts";
import { type Puller, pullers, type Sample, type Source } from "./pullers.ts";
import { median, table } from "./statistics.ts";

const has = (flag: string): boolean => process.argv.includes(flag);
/** All parts, unless some are named. */
const wants = (part: string): boolean => has(part) || !["pulls", "shared", "runs"].some(has);
const rounds = has("--quick") ? 1 : 3;
const repository = fileURLToPath(new URL("..", import.meta.url));
const cache = `${repository}/build/bench-images`;
/** Docker's engine is in a network namespace, where the proxy is not; umoci has no store. */
const APART: ReadonlySet<string> = new Set(["docker pull", "skopeo copy, umoci unpack"]);
const TARGETS = { ratio: 0.8, memory: 150e6 };

if (isInMemory()) await measure(mkdtempSync("/tmp/libct-bench-"));

async function measure(directory: string): Promise<void> {
  try {
    const files = await prepareRegistry(cache);
    const registry = await DockerRegistry.start(files);
    try {
      const described = machine();
      const pulled = wants("pulls") && (await pulls({ host: registry.host, files }, directory));
      const shared = wants("shared") && (await sharedLayers(registry.host, files, directory));
      const runs = wants("runs") && (await measureRuns(registry.host, directory, rounds));
      mkdirSync(`${repository}/bench/results`, { recursive: true });
      const report = { machine: described, pulled, shared, runs };
      writeFileSync(`${repository}/bench/results/images.json`, `${JSON.stringify(report, null, 2)}\n`);
    } finally {
      await registry.stop();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
    if (has("--clean")) rmSync(cache, { recursive: true, force: true });
  }
}

function machine() {
  const described = { kernel: release(), processors: `${cpus().length} x ${cpus()[0]?.model}`, load: loadavg() };
  const load = described.load.map((one) => one.toFixed(1)).join(", ");
  console.log(`Linux ${described.kernel}, ${described.processors}; load ${load}\n`);
  return described;
}

async function pulls(source: Source, directory: string) {
  const report: Record<string, unknown> = {};
  for (const { name, text } of FIXTURES) {
    const samples = await inTurns(pullers(source), `bench/${name}:v1`, directory);
    report[name] = print(text, samples);
  }
  return report;
}

/** Everybody with an empty store in each round, and another one first in each. */
async function inTurns(
  all: readonly Puller[],
  image: string,
  directory: string,
): Promise<ReadonlyMap<string, readonly Sample[]>> {
  const samples = new Map<string, Sample[]>(all.map(({ name }) => [name, []]));
  // What is read from the disk for the first time is slower.
  for (const file of registryFiles()) readFileSync(file);
  for (let round = 0; round < rounds; round++) {
    const order = [...all.slice(round % all.length), ...all.slice(0, round % all.length)];
    for (const puller of order) {
      const store = await puller.open(`${directory}/store`);
      try {
        samples.get(puller.name)?.push(await store.pull(image));
      } finally {
        await store.close();
      }
    }
  }
  return samples;
}

function registryFiles(): readonly string[] {
  return execFileSync("find", [cache, "-name", "data", "-type", "f"], { encoding: "utf8" }).trim().split("\n");
}

interface Figures {
  readonly name: string;
  readonly seconds: number;
  readonly memory: number;
}

function print(text: string, samples: ReadonlyMap<string, readonly Sample[]>): readonly Figures[] {
  const figures = [...samples].map(([name, list]) => ({
    name,
    seconds: median(list.map(({ seconds }) => seconds)),
    memory: median(list.map(({ memory }) => memory)),
  }));
  const best = Math.min(...figures.filter(({ name }) => !isOwn(name)).map(({ seconds }) => seconds));
  const rows = figures.map((one) => [
    one.name,
    one.seconds.toFixed(2),
    `${(one.seconds / best).toFixed(2)} x`,
    (one.memory / 1e6).toFixed(0),
    isOwn(one.name) ? verdict(one, best) : "",
  ]);
  console.log(`${table([[text, "seconds", "best peer", "peak MB", "wanted"], ...rows])}\n`);
  return figures;
}

function isOwn(name: string): boolean {
  return name.startsWith("ct");
}

function verdict({ seconds, memory }: Figures, best: number): string {
  const time = seconds <= TARGETS.ratio * best ? "time reached" : "time MISSED";
  return `${time}, memory ${memory <= TARGETS.memory ? "reached" : "MISSED"}`;
}

/** What is transferred of an image, and then of another one that has its layers and one more. */
async function sharedLayers(host: string, files: string, directory: string) {
  const proxy = await startCountingProxy(host);
  const rows: Record<string, readonly number[]> = {};
  try {
    for (const puller of pullers({ host: proxy.host, files }).filter(({ name }) => !APART.has(name))) {
      const store = await puller.open(`${directory}/store`);
      try {
        const counts: number[] = [];
        for (const name of ["system", SUCCESSOR]) {
          await store.pull(`bench/${name}:v1`);
          counts.push(proxy.take());
        }
        rows[puller.name] = counts;
      } finally {
        await store.close();
      }
    }
  } finally {
    proxy.stop();
  }
  const lines = Object.entries(rows).map(([name, counts]) => [
    name,
    ...counts.map((count) => (count / 1e6).toFixed(2)),
  ]);
  console.log(`${table([["megabytes transferred", "first image", "one with a layer more"], ...lines])}\n`);
  return rows;
}
