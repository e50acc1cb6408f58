// `npm run build && bun bench/stats.ts [--quick]`: what a thousand containers use, read at once, beside a C loop that reads the same files. Prints; never fails for a figure.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { fileURLToPath } from "node:url";
import { Contestant } from "./contestant.ts";
import { makeRoot } from "./root.ts";
import { median, quantile, table } from "./statistics.ts";

const quick = process.argv.includes("--quick");
const count = quick ? 200 : 1000;
const rounds = quick ? 5 : 20;
const TARGET_MS = 50;
const repository = fileURLToPath(new URL("..", import.meta.url));
const directory = mkdtempSync("/tmp/libct-bench-");
const root = `${directory}/root`;

/** What is read: the question for the worker, and in words. */
const READINGS: ReadonlyMap<string, string> = new Map([
  ["usage", "host.usage()"],
  ["table", "host.stats() of cpu, memory, pids, io"],
  ["stats", "host.stats()"],
  ["meter-usage", "meter.usage()"],
  ["meter-table", "meter.stats() of cpu, memory, pids, io"],
  ["meter-stats", "meter.stats()"],
]);

/** A meter reads the same files, but keeps them open. */
const METER = "meter-";

try {
  makeRoot(root);
  execFileSync("cc", ["-O2", "-o", `${directory}/read`, `${repository}/bench/read.c`]);
  const results: Record<string, unknown> = {};
  const files = await filesOfReadings();
  for (const runtime of ["node", "bun"]) results[runtime] = await measure(runtime, files);
  const report = {
    kernel: release(),
    processors: `${cpus().length} x ${cpus()[0]?.model}`,
    containers: count,
    results,
  };
  mkdirSync(`${repository}/bench/results`, { recursive: true });
  writeFileSync(`${repository}/bench/results/stats.json`, `${JSON.stringify(report, null, 2)}\n`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}

/** Of one container: the number of its directory, and the name in it. */
type Files = readonly (readonly [number, string])[];

async function filesOfReadings(): Promise<Readonly<Record<string, Files>>> {
  const worker = new Contestant(["node", `${repository}/bench/worker.js`, root]);
  await worker.ask("crowd 1");
  const files = await worker.ask<Readonly<Record<string, Files>>>("files 1");
  await worker.end();
  return files;
}

/** One runtime with its containers, and the floors of what it reads, in turns. */
async function measure(runtime: string, files: Readonly<Record<string, Files>>) {
  const worker = new Contestant([runtime, `${repository}/bench/worker.js`, root]);
  const containers = await worker.ask<readonly (readonly string[])[]>(`crowd ${count}`);
  const lanes = [...READINGS.keys()].map((reading) => {
    const list = `${directory}/${reading}`;
    const each = files[reading.replace(METER, "")] ?? [];
    const paths = containers.flatMap((directories) => each.map(([at, name]) => `${directories[at]}/${name}\n`));
    writeFileSync(list, paths.join(""));
    const floor = new Contestant([`${directory}/read`, list]);
    return { reading, floor, files: each.length, own: [] as number[], least: [] as number[] };
  });
  for (let round = 0; round <= rounds; round++) {
    for (const { reading, floor, own, least } of lanes) {
      const samples = {
        own: await worker.ask<number[]>(`${reading} 1`),
        least: await floor.ask<number[]>(reading.startsWith(METER) ? "kept" : "1"),
      };
      // The first round warms up.
      if (round === 0) continue;
      own.push(...samples.own);
      least.push(...samples.least);
    }
  }
  for (const { floor } of lanes) await floor.end();
  await worker.end();
  print(runtime, lanes);
  return Object.fromEntries(
    lanes.map(({ reading, own, least, files: each }) => [
      reading,
      { files: each, median: median(own), p90: quantile(own, 0.9), floor: median(least) },
    ]),
  );
}

interface Lane {
  readonly reading: string;
  readonly files: number;
  readonly own: readonly number[];
  readonly least: readonly number[];
}

function print(runtime: string, lanes: readonly Lane[]): void {
  const rows = lanes.map(({ reading, files, own, least }) => [
    READINGS.get(reading) ?? reading,
    `${files}`,
    median(own).toFixed(1),
    quantile(own, 0.9).toFixed(1),
    median(least).toFixed(1),
    `${(median(own) / median(least)).toFixed(2)}x`,
    median(own) <= TARGET_MS ? "reached" : median(least) > TARGET_MS ? "out of reach" : "MISSED",
  ]);
  const heading = [`${count} containers in ${runtime}`, "files each", "median ms", "p90 ms", "floor ms", "floor"];
  console.log(`${table([[...heading, `at most ${TARGET_MS} ms`], ...rows])}\n`);
}
