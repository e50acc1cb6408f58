// `npm run build && bun bench/enter.ts [--quick]`: a process that enters a running container, by libct and by runc, taking turns. Prints; never fails for a figure.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compileEnter } from "../src/compile/index.ts";
import { type Container, Host } from "../src/host/index.ts";
import { resolveEntry } from "../src/host/resolve-entry.ts";
import { standard } from "../src/spec/index.ts";
import { floorSource } from "./floor.ts";
import { makeRoot } from "./root.ts";
import { median, quantile, table } from "./statistics.ts";
import { type Entry, takeTurns } from "./turns.ts";

const rounds = process.argv.includes("--quick") ? 3 : 10;
const batch = 40;
const repository = fileURLToPath(new URL("..", import.meta.url));
const directory = mkdtempSync("/tmp/libct-bench-");
const root = `${directory}/root`;
const peer = `libct-bench-${process.pid}`;

try {
  makeRoot(root);
  execFileSync("cc", ["-O2", "-o", `${directory}/spawn`, `${repository}/bench/spawn.c`]);
  await using host = await Host.open();
  await using container = await host.create({ ...standard({ userNamespace: false }), root });
  print(await takeTurns(contestants(await buildFloor(host, container)), rounds));
} finally {
  spawnSync("runc", ["delete", "--force", peer]);
  rmSync(directory, { recursive: true, force: true });
}

/** The system calls of a process that enters, made in C. */
async function buildFloor(host: Host, container: Container): Promise<readonly string[]> {
  const quiet = { stdout: "ignore", stderr: "ignore" } as const;
  const { pid } = await container.start(["/bin/sleep", "1000"], quiet);
  const running = { name: "floor", init: { pid, startTime: 0, bootId: "" }, spec: container.spec, cgroups: [] };
  const target = { path: `${pid}`, read: () => "", close: () => undefined };
  const entry = resolveEntry(running, target, ["/bin/true"], quiet, await host.surroundings());
  writeFileSync(`${directory}/floor.c`, floorSource(compileEnter(entry)));
  execFileSync("cc", ["-O2", "-w", "-static", "-o", `${directory}/floor`, `${directory}/floor.c`]);
  return [`${directory}/floor`, `/proc/${pid}`];
}

function contestants(floor: readonly string[]): ReadonlyMap<string, Entry> {
  const worker = `${repository}/bench/worker.js`;
  const entries = new Map<string, Entry>([
    ["floor (the same system calls in C)", { command: floor, ask: `${batch}` }],
    ["libct in Node", { command: ["node", worker, root], ask: `enter ${batch}` }],
    ["libct in Bun", { command: ["bun", worker, root], ask: `enter ${batch}` }],
  ]);
  if (startPeer()) {
    entries.set("runc exec", { command: [`${directory}/spawn`, "runc", "exec", peer, "/bin/true"], ask: `${batch}` });
  }
  return entries;
}

/** A container of runc's own default configuration, which only waits. */
function startPeer(): boolean {
  const bundle = `${directory}/bundle`;
  mkdirSync(bundle);
  const made = spawnSync("runc", ["spec"], { cwd: bundle, encoding: "utf8" });
  if (made.status !== 0) {
    console.log(`left out: runc: ${(made.error?.message ?? made.stderr).trim()}`);
    return false;
  }
  const config = JSON.parse(readFileSync(`${bundle}/config.json`, "utf8"));
  config.process.terminal = false;
  config.process.args = ["/bin/sleep", "1000"];
  config.root.path = root;
  config.mounts = config.mounts.filter((mount: { type: string }) => mount.type !== "cgroup");
  writeFileSync(`${bundle}/config.json`, JSON.stringify(config));
  const started = spawnSync("runc", ["run", "--detach", "--bundle", bundle, peer], { stdio: "ignore" });
  if (started.status !== 0) console.log("left out: runc: its container does not start");
  return started.status === 0;
}

function print(samples: ReadonlyMap<string, readonly number[]>): void {
  const runc = median(samples.get("runc exec") ?? []);
  const floor = median([...samples].find(([name]) => name.startsWith("floor"))?.[1] ?? []);
  const rows = [...samples].map(([name, all]) => [
    name,
    median(all).toFixed(2),
    quantile(all, 0.9).toFixed(2),
    `${(median(all) / floor).toFixed(2)}x`,
    `${(median(all) / runc).toFixed(2)}x`,
  ]);
  console.log(table([["entering a container", "median ms", "p90 ms", "floor", "runc"], ...rows]));
  const verdict = (found: number, most: number) =>
    Number.isNaN(found) ? "not measured" : found <= most ? "reached" : "MISSED";
  const own = ["libct in Node", "libct in Bun"].flatMap((name) => {
    const found = median(samples.get(name) ?? []);
    return [
      [name, found.toFixed(2), "target at most 1.2 ms", verdict(found, 1.2)],
      [`${name} / runc`, (found / runc).toFixed(2), "target at most 0.1", verdict(found / runc, 0.1)],
    ];
  });
  console.log(`\n${table(own)}`);
}
