// `npm run bench [-- --quick]`: libct beside its peers and its floor, taking turns in one run. Prints; never fails for a figure.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { fileURLToPath } from "node:url";
import { compileContainer } from "../src/compile/index.ts";
import { Host } from "../src/host/index.ts";
import { resolveContainer } from "../src/host/resolve.ts";
import { standard, validateProcess, validateSpec } from "../src/spec/index.ts";
import { Contestant } from "./contestant.ts";
import { floorSource } from "./floor.ts";
import { peers, versionOf } from "./peers.ts";
import { makeRoot } from "./root.ts";
import { median, quantile, table } from "./statistics.ts";
import { takeTurns } from "./turns.ts";

const quick = process.argv.includes("--quick");
const rounds = quick ? 3 : 10;
const batch = 60;
const repository = fileURLToPath(new URL("..", import.meta.url));
const directory = mkdtempSync("/tmp/libct-bench-");
const root = `${directory}/root`;

try {
  makeRoot(root);
  const described = machine();
  const floor = await buildFloor();
  const report = { machine: described, serial: await serial(floor), ...(await many(floor)) };
  mkdirSync(`${repository}/bench/results`, { recursive: true });
  writeFileSync(`${repository}/bench/results/latest.json`, `${JSON.stringify(report, null, 2)}\n`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}

function machine() {
  const versions = ["node", "bun", "bwrap", "runc", "crun"].map(versionOf).filter((version) => version !== undefined);
  const described = { kernel: release(), processors: `${cpus().length} x ${cpus()[0]?.model}`, versions };
  console.log(`Linux ${described.kernel}, ${described.processors}; ${versions.join(", ")}\n`);
  return described;
}

async function buildFloor(): Promise<string> {
  const host = await Host.open();
  try {
    const spec = validateSpec({ ...standard({ userNamespace: false }), root });
    const child = validateProcess({ ...spec.process, args: ["/bin/true"] });
    const streams = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
    const program = compileContainer(await resolveContainer(spec, child, streams, await host.surroundings()));
    writeFileSync(`${directory}/floor.c`, floorSource(program));
  } finally {
    await host[Symbol.asyncDispose]();
  }
  execFileSync("cc", ["-O2", "-w", "-static", "-o", `${directory}/floor`, `${directory}/floor.c`]);
  return `${directory}/floor`;
}

/** One container after the other, all contestants in turns. */
async function serial(floor: string) {
  execFileSync("cc", ["-O2", "-o", `${directory}/spawn`, `${repository}/bench/spawn.c`]);
  const whole = (command: readonly string[]) => ({ command: [`${directory}/spawn`, ...command], ask: `${batch}` });
  const contestants = new Map<string, { command: readonly string[]; ask: string }>();
  contestants.set("floor (the same system calls in C)", { command: [floor], ask: `${batch}` });
  contestants.set("libct in Node", {
    command: ["node", `${repository}/bench/worker.js`, root],
    ask: `serial ${batch}`,
  });
  contestants.set("libct in Bun", { command: ["bun", `${repository}/bench/worker.js`, root], ask: `serial ${batch}` });
  for (const [name, { command, within }] of peers(root, directory)) {
    contestants.set(name, { command: [...within, `${directory}/spawn`, ...command], ask: `${batch}` });
  }
  const single = `${repository}/dist/ct`;
  if (existsSync(single)) contestants.set("ct run (single file)", whole([single, "run", root, "--", "/bin/true"]));
  contestants.set("ct run (Node)", whole(["node", `${repository}/dist/cli/main.js`, "run", root, "--", "/bin/true"]));
  const samples = await takeTurns(contestants, rounds);
  printSerial(samples);
  return Object.fromEntries(
    [...samples].map(([name, all]) => [name, { median: median(all), p90: quantile(all, 0.9), runs: all.length }]),
  );
}

function printSerial(samples: ReadonlyMap<string, readonly number[]>): void {
  const of = (start: string) => median([...samples].find(([name]) => name.startsWith(start))?.[1] ?? []);
  const ratio = (a: number, b: number) => (Number.isNaN(a / b) ? "-" : `${(a / b).toFixed(2)}x`);
  const rows = [...samples].map(([name, all]) => {
    const own = median(all);
    return [
      name,
      own.toFixed(2),
      quantile(all, 0.9).toFixed(2),
      ratio(own, of("floor")),
      ratio(own, of("bwrap")),
      ratio(own, of("runc")),
    ];
  });
  console.log(table([["one container", "median ms", "p90 ms", "floor", "bwrap", "runc"], ...rows]));
  const targets = ["libct in Node", "libct in Bun"].flatMap((name) => [
    target(`${name} / floor`, of(name) / of("floor"), 1.3),
    target(`${name} / bwrap`, of(name) / of("bwrap"), 0.4),
    target(`${name} / runc`, of(name) / of("runc"), 0.1),
  ]);
  console.log(
    `\n${table([...targets, target("ct run (single file) / runc", of("ct run (single") / of("runc"), 0.5)])}\n`,
  );
}

function target(name: string, found: number, most: number): string[] {
  const verdict = Number.isNaN(found) ? "not measured" : found <= most ? "reached" : "MISSED";
  return [name, found.toFixed(2), `target at most ${most}`, verdict];
}

/** Many at once. */
async function many(floor: string) {
  const lanes = await floorInParallel(floor);
  console.log(`floor: ${lanes.toFixed(0)} containers per second, sixteen at a time`);
  const results: Record<string, unknown> = { floor: { perSecond: lanes } };
  for (const runtime of ["node", "bun"]) {
    const worker = new Contestant([runtime, `${repository}/bench/worker.js`, root]);
    await worker.ask("serial 50");
    const perSecond: number[] = [];
    for (let round = 0; round < (quick ? 2 : 5); round++) perSecond.push(await worker.ask<number>("parallel 600"));
    const alive = await worker.ask<Alive>(`alive ${quick ? 200 : 1000}`);
    await worker.end();
    results[runtime] = { perSecond: median(perSecond), alive };
    console.log(
      `${runtime}: ${median(perSecond).toFixed(0)} containers per second, sixteen at a time (target at least 600)`,
    );
    console.log(
      `  ${alive.listed} alive at once: ${alive.perHundred[0]?.toFixed(2)} ms each for the first hundred, ${alive.perHundred.at(-1)?.toFixed(2)} for the last; all stopped in ${alive.stop.toFixed(0)} ms, ${alive.left === "" ? "none" : "SOME"} left`,
    );
    console.log(
      `  executor ${alive.executor} KiB resident (target below 1024), each container's monitor ${alive.monitor} KiB private (target below 200)`,
    );
  }
  return results;
}

/** What the machine does when nobody but the kernel has anything to do. */
async function floorInParallel(command: string): Promise<number> {
  const lanes = Array.from({ length: 16 }, () => new Contestant([command]));
  const perSecond: number[] = [];
  for (let round = 0; round < (quick ? 2 : 5); round++) {
    const begun = performance.now();
    await Promise.all(lanes.map((lane) => lane.ask("40")));
    perSecond.push((lanes.length * 40) / ((performance.now() - begun) / 1000));
  }
  await Promise.all(lanes.map((lane) => lane.end()));
  return median(perSecond);
}

interface Alive {
  readonly listed: number;
  readonly perHundred: readonly number[];
  readonly executor: number;
  readonly monitor: number;
  readonly stop: number;
  readonly left: string;
}
