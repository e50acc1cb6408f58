// `npm run chaos [-- KILLS [SEED]]`: several applications do random things with containers in one state directory, while they, their executors and their monitors
// are killed with SIGKILL at random moments. Then nothing may be left, no exit status may be lost, no record be corrupt.
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { locateExecutor } from "../src/executor/index.ts";
import { Host } from "../src/index.ts";
import { busyboxRoot } from "../test/support/playground.ts";
import { awaitsRepair, checkRecords, type Inventory, leaked, takeInventory } from "./audit.ts";
import { makeNetworks, removeNetworks } from "./networks.ts";
import { processesOf, type Seen } from "./processes.ts";
import { pick, random } from "./random.ts";

/** The bridges are there before anything is counted. */
const SET_UP = `
  ip link set lo up
  for bridge in chaos0 chaos1; do ip link add $bridge type bridge; ip link set $bridge up; done
  exec "$@"`;

/** A network of the run's own: nothing on the machine can be in its way, nor the other way round. */
if (process.env.LIBCT_CHAOS_NETWORK === undefined) {
  const words = ["--net", "sh", "-ec", SET_UP, "sh", process.execPath, ...process.argv.slice(1)];
  const { status } = spawnSync("unshare", words, {
    stdio: "inherit",
    env: { ...process.env, LIBCT_CHAOS_NETWORK: "own" },
  });
  process.exit(status ?? 1);
}

const kills = Number(process.argv[2] ?? 1000);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
const next = random(seed);
const WORKERS = 3;
const mark = `LIBCT_CHAOS=${process.pid}-${seed}`;
const directory = mkdtempSync("/tmp/libct-chaos-");
const stateDirectory = `${directory}/state`;
const leases = `${directory}/leases`;
const places = { stateDirectory, leases };
const root = busyboxRoot(`${directory}/rootfs`);
/** One file, which starts faster than all of its parts: most of an application's short life is to be spent on containers. */
const worker = `${directory}/worker.js`;
execFileSync(process.execPath, [
  "build",
  fileURLToPath(new URL("worker.ts", import.meta.url)),
  "--target=bun",
  `--outfile=${worker}`,
]);
const executor = locateExecutor().path;
const killed: Record<Seen["role"], number> = { application: 0, zygote: 0, monitor: 0, other: 0 };
const killedMonitors = new Set<number>();
const workers = new Set<ChildProcess>();
let actions = 0;

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function startWorker(): void {
  const [name = "", value = ""] = mark.split("=");
  const child = spawn(
    process.execPath,
    [worker, stateDirectory, root, executor, leases, `${Math.floor(next() * 2 ** 31)}`],
    {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, [name]: value },
    },
  );
  child.stdout?.on("data", (chunk: Buffer) => {
    actions += chunk.length;
  });
  child.stdin?.on("error", () => undefined); // It was killed.
  workers.add(child);
  child.once("exit", () => workers.delete(child));
}

/** Applications take a while to begin, so they are killed less often. */
const ROLES = ["application", "zygote", "monitor", "monitor", "monitor", "monitor", "monitor", "monitor"] as const;

/** Processes of containers are their own affair: a kill of theirs is no fault of anybody's. */
function killOne(): boolean {
  const victims = processesOf(mark).filter(({ role }) => role !== "other");
  const role = pick(next, ROLES);
  const victim = pick(
    next,
    victims.filter((one) => one.role === role),
  );
  if (!victim) return false;
  try {
    if (victim.role === "monitor") killedMonitors.add(victim.pid);
    process.kill(victim.pid, "SIGKILL");
    killed[victim.role] += 1;
    return true;
  } catch {
    return false; // It has just ended by itself.
  }
}

async function wreak(): Promise<void> {
  for (let done = 0; done < kills; ) {
    while (workers.size < WORKERS) startWorker();
    await pause(next() * 60);
    if (killOne()) done += 1;
  }
  for (const child of workers) child.stdin?.end();
}

/** What was made on the way may take its time to end; what is still there then is a leak. */
async function settle(before: Inventory): Promise<readonly string[]> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const left = leaked(before, takeInventory(mark, places)).filter((line) => !awaitsRepair(line));
    if (left.length === 0 || Date.now() > deadline) break;
    await pause(100);
  }
  const host = await Host.open({ stateDirectory });
  // Cgroups of containers that lost monitor and application at once are younger than what a repair believes to be left.
  await pause(10_500);
  const repairs = await host.repair();
  console.log(`repaired: ${repairs.length}`);
  const records = checkRecords(`${stateDirectory}/containers`, killedMonitors);
  for (const one of await host.list()) if (!("error" in one)) await (await host.open(one.name)).remove();
  await host[Symbol.asyncDispose]();
  console.log(`host containers: ${records.containers}, of which ${records.lost} lost their monitor`);
  return [
    ...leaked(before, takeInventory(mark, places)),
    ...(await removeNetworks(stateDirectory)),
    ...records.corrupt.map((text) => `corrupt: ${text}`),
    ...records.wrong.map((text) => `wrong: ${text}`),
  ];
}

await makeNetworks(stateDirectory, root);
const before = takeInventory(mark, places);
console.log(`chaos: ${kills} kills, seed ${seed}`);
await wreak();
const faults = await settle(before);
console.log(
  `killed: ${killed.application} applications, ${killed.zygote} executors, ${killed.monitor} monitors; ${actions} actions succeeded`,
);
console.log(faults.length === 0 ? "nothing leaked, nothing lost, nothing corrupt" : faults.join("\n"));
rmSync(directory, { recursive: true, force: true });
process.exitCode = faults.length === 0 ? 0 : 1;
