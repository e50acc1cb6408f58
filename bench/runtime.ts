// `npm run build:bin && bun bench/runtime.ts [--quick]`: ct-runtime beside runc and crun, as an engine calls them, taking turns in one run. Prints; never fails for a figure.
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { fileURLToPath } from "node:url";
import { versionOf } from "./peers.ts";
import { makeRoot } from "./root.ts";
import { median, quantile, table } from "./statistics.ts";
import { type Entry, takeTurns } from "./turns.ts";

const quick = process.argv.includes("--quick");
const rounds = quick ? 3 : 10;
const batch = 10;
const MANY = quick ? 100 : 1000;
const repository = fileURLToPath(new URL("..", import.meta.url));
const directory = mkdtempSync("/tmp/libct-bench-");
const root = `${directory}/root`;

/** A runtime, its state directory, and the words of what it must be run in. */
interface Runtime {
  readonly name: string;
  readonly file: string;
  readonly state: string;
  readonly within: readonly string[];
}

// crun refuses hybrid cgroups: it gets a mount namespace with cgroup2 alone. Rules for devices are a BPF program there, for which it raises RLIMIT_MEMLOCK: not
// everybody may (CAP_SYS_RESOURCE), so it has none to set.
const CGROUP2 = "mount -t tmpfs none /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup";
const RUNTIMES: readonly Runtime[] = [
  { name: "ct-runtime", file: `${repository}/dist/ct-runtime`, state: `${directory}/ct`, within: [] },
  { name: "runc", file: "runc", state: `${directory}/runc`, within: [] },
  {
    name: "crun, no device rules",
    file: "crun",
    state: `${directory}/crun`,
    within: ["unshare", "-m", "sh", "-c", `${CGROUP2} && exec "$@"`, "sh"],
  },
];

/** What an engine does, as the words of one or several commands ("," between). */
const TASKS: Readonly<Record<string, (id: string) => readonly string[]>> = {
  run: (id) => ["run", "--bundle", "BUNDLE", id],
  "create, start, delete": (id) => ["create", "--bundle", "BUNDLE", id, ",", "start", id, ",", "delete", "--force", id],
  exec: () => ["exec", "waiting", "/bin/true"],
  state: () => ["state", "waiting"],
};

try {
  makeRoot(root);
  execFileSync("cc", ["-O2", "-o", `${directory}/spawn`, `${repository}/bench/spawn.c`]);
  const usable = RUNTIMES.filter(isUsable);
  const alone = await measure(usable);
  const together = Object.fromEntries(usable.map((one) => [one.name, inParallel(one)]));
  for (const one of usable) fillState(one);
  const crowded = await measure(usable);
  for (const one of usable) run(one, ["delete", "--force", "waiting"]);
  const memory = Object.fromEntries(usable.map((one) => [one.name, peakMemory(one)]));
  const report = {
    kernel: release(),
    processors: `${cpus().length} x ${cpus()[0]?.model}`,
    alone,
    crowded,
    together,
    memory,
  };
  print(report);
  mkdirSync(`${repository}/bench/results`, { recursive: true });
  writeFileSync(`${repository}/bench/results/runtime.json`, `${JSON.stringify(report, null, 2)}\n`);
} finally {
  for (const one of RUNTIMES) run(one, ["delete", "--force", "waiting"]);
  rmSync(directory, { recursive: true, force: true });
}

/** The bundle of `runc spec`, with another command. */
function makeBundle(runtime: Runtime, name: string, args: readonly string[]): string {
  const bundle = `${directory}/${runtime.name.split(",")[0]}-${name}`;
  mkdirSync(bundle, { recursive: true });
  rmSync(`${bundle}/config.json`, { force: true });
  execFileSync("runc", ["spec", "--bundle", bundle]);
  const config = JSON.parse(readFileSync(`${bundle}/config.json`, "utf8"));
  config.process.terminal = false;
  config.process.args = args;
  delete config.process.capabilities.ambient; // None of them can be raised, which ct-runtime warns of.
  config.root.path = root;
  if (runtime.within.length > 0) delete config.linux.resources;
  writeFileSync(`${bundle}/config.json`, JSON.stringify(config));
  return bundle;
}

function commandOf({ file, state, within }: Runtime, words: readonly string[]): readonly string[] {
  return [...within, file, "--root", state, ...words];
}

/** Its exit status. What it says is not read: a container that goes on would keep the pipe open. */
function run(runtime: Runtime, words: readonly string[]): number | null {
  const [file = "", ...args] = commandOf(runtime, words);
  return spawnSync(file, args, { stdio: "ignore" }).status;
}

/** Starts the container that is entered; a runtime that cannot is left out. */
function isUsable(runtime: Runtime): boolean {
  makeBundle(runtime, "true", ["/bin/true"]);
  const bundle = makeBundle(runtime, "waiting", ["/bin/sleep", "10000"]);
  const status = run(runtime, ["run", "--detach", "--bundle", bundle, "waiting"]);
  if (status !== 0) console.log(`left out: ${runtime.name}: its container does not start`);
  return status === 0;
}

type Samples = Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;

/** Each task by all runtimes in turns. */
async function measure(runtimes: readonly Runtime[]): Promise<Samples> {
  const samples: Record<string, Record<string, readonly number[]>> = {};
  for (const [task, words] of Object.entries(TASKS)) {
    const entries = new Map(runtimes.map((runtime) => [runtime.name, entryOf(runtime, words(`bench-${process.pid}`))]));
    samples[task] = Object.fromEntries(await takeTurns(entries, rounds));
  }
  return samples;
}

function entryOf(runtime: Runtime, words: readonly string[]): Entry {
  const bundle = `${directory}/${runtime.name.split(",")[0]}-true`;
  const commands = words
    .join(" ")
    .split(" , ")
    .map((text) => text.replace("BUNDLE", bundle).split(" "));
  const each = commands.flatMap((command, index) => [
    ...(index > 0 ? [","] : []),
    runtime.file,
    "--root",
    runtime.state,
    ...command,
  ]);
  return { command: [...runtime.within, `${directory}/spawn`, ...each], ask: `${batch}` };
}

/** Milliseconds for a hundred at once. */
function inParallel(runtime: Runtime): number {
  const bundle = `${directory}/${runtime.name.split(",")[0]}-true`;
  const script = `for i in $(seq 100); do ${runtime.file} --root ${runtime.state} run --bundle ${bundle} p$i & done; wait`;
  const begun = performance.now();
  const [file = "", ...args] = [...runtime.within, "sh", "-c", script];
  execFileSync(file, args, { stdio: "ignore" });
  return performance.now() - begun;
}

/** Many containers that are there already, as far as a runtime can see: copies of what it has written about one. */
function fillState({ name, state }: Runtime): void {
  const containers = name === "ct-runtime" ? `${state}/containers` : state;
  for (let index = 0; index < MANY; index++)
    cpSync(`${containers}/waiting`, `${containers}/other-${index}`, {
      recursive: true,
      filter: (path) => !/\/(start|started|exec\.fifo)$/.test(path),
    });
}

/** KiB, of the command that stays until the container has ended: as its parent, a small program, is told. */
function peakMemory({ name, file, state, within }: Runtime): number {
  const bundle = `${directory}/${name.split(",")[0]}-true`;
  const words = [file, "--root", state, "run", "--bundle", bundle, "memory"];
  const [first = "", ...args] = [...within, `${directory}/spawn`, "--memory", ...words];
  return median(JSON.parse(execFileSync(first, args, { input: "3\n", encoding: "utf8" })));
}

interface Report {
  readonly kernel: string;
  readonly processors: string;
  readonly alone: Samples;
  readonly crowded: Samples;
  readonly together: Readonly<Record<string, number>>;
  readonly memory: Readonly<Record<string, number>>;
}

function print({ kernel, processors, alone, crowded, together, memory }: Report): void {
  const versions = ["runc", "crun"].map(versionOf).filter((version) => version !== undefined);
  console.log(`Linux ${kernel}, ${processors}; ${versions.join(", ")}\n`);
  for (const [task, samples] of Object.entries(alone)) {
    const runc = median(samples.runc ?? []);
    const rows = Object.entries(samples).map(([name, all]) => {
      const beside = median(crowded[task]?.[name] ?? []);
      return [
        name,
        median(all).toFixed(1),
        quantile(all, 0.9).toFixed(1),
        `${(median(all) / runc).toFixed(2)}x`,
        beside.toFixed(1),
      ];
    });
    console.log(`${table([[task, "median ms", "p90 ms", "runc", `beside ${MANY} others`], ...rows])}\n`);
  }
  const rows = Object.entries(together).map(([name, ms]) => [name, `${ms.toFixed(0)}`, `${memory[name]}`]);
  console.log(table([["", "100 at once, ms", "peak KiB of run"], ...rows]));
  for (const [task, samples] of Object.entries(alone)) {
    const own = median(samples["ct-runtime"] ?? []);
    for (const [peer, most] of [
      ["runc", 0.5],
      ["crun, no device rules", 1.2],
    ] as const) {
      const ratio = own / median(samples[peer] ?? []);
      const verdict = Number.isNaN(ratio) ? "not measured" : ratio <= most ? "reached" : "MISSED";
      console.log(`${task}: ct-runtime / ${peer}: ${ratio.toFixed(2)}, target at most ${most}: ${verdict}`);
    }
  }
}
