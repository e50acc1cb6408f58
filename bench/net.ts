// `npm run bench:net [-- --quick]`, as root: what a network costs a container, beside networks made by hand, Docker and podman. Prints; never fails for a figure.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { fileURLToPath } from "node:url";
import { type ContainerSpec, Host, standard } from "../src/index.ts";
import { measureCrowds } from "./net-crowd.ts";
import { measureBesideEngines, measureSetUp } from "./net-setup.ts";
import { measureThroughput } from "./net-throughput.ts";
import { addProgram, makeRoot } from "./root.ts";

/** In a network namespace of its own: nothing of the machine's is touched, and it goes with this process. */
const MARK = "LIBCT_BENCH_NET";
if (process.env[MARK] === undefined) {
  const setUp =
    'ip link set lo up; ip link add br0 type bridge; ip addr add 10.7.0.1/24 dev br0; ip link set br0 up; exec "$@"';
  const command = ["--net", "/bin/sh", "-ec", setUp, "sh", process.execPath, ...process.argv.slice(1)];
  const { status } = spawnSync("unshare", command, { stdio: "inherit", env: { ...process.env, [MARK]: "1" } });
  process.exit(status ?? 1);
}

const quick = process.argv.includes("--quick");
/** `setup`, `engines`, `throughput`, `crowd`: only these of the measurements. */
const chosen = process.argv.slice(2).filter((word) => !word.startsWith("-"));
const scale = quick
  ? { rounds: 20, commands: 3, crowd: 200, throughput: { times: 1, seconds: 1 } }
  : { rounds: 100, commands: 8, crowd: 1000, throughput: { times: 3, seconds: 3 } };
const NETWORK = "bench";
const repository = fileURLToPath(new URL("..", import.meta.url));
const directory = mkdtempSync("/tmp/libct-bench-");
const root = `${directory}/root`;

try {
  const image = prepareRoot();
  const load = loadavg();
  const results = await measure(image);
  const machine = { kernel: release(), processors: `${cpus().length} x ${cpus()[0]?.model}`, load };
  mkdirSync(`${repository}/bench/results`, { recursive: true });
  writeFileSync(`${repository}/bench/results/net.json`, `${JSON.stringify({ ...machine, ...results }, null, 2)}\n`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}

/** A root with iperf3, and an archive of it for engines. */
function prepareRoot(): string {
  makeRoot(root);
  for (const name of ["etc", "tmp"]) mkdirSync(`${root}/${name}`);
  const image = `${directory}/image.tar`;
  execFileSync("tar", ["-C", root, "-cf", image, "."]);
  addProgram(root, "iperf3");
  return image;
}

async function measure(image: string): Promise<Readonly<Record<string, unknown>>> {
  const stateDirectory = `${directory}/state`;
  await using host = await Host.open({ stateDirectory });
  await host.networks.create({ name: NETWORK, subnets: [{ subnet: "10.210.0.0/20" }] });
  const base: ContainerSpec = { ...standard({ userNamespace: false }), root };
  const spec: ContainerSpec = { ...base, nics: { eth0: { type: "network", network: NETWORK } } };
  const own = [`${repository}/dist/ct`, "--root", stateDirectory, "run", "--network", NETWORK, root, "--", "true"];
  const measurements: Readonly<Record<string, () => Promise<unknown>>> = {
    setup: () => measureSetUp(host, base, NETWORK, scale.rounds),
    engines: () => measureBesideEngines(host, spec, { directory, image, own, rounds: scale.commands }),
    throughput: () => measureThroughput(host, spec, scale.throughput),
    crowd: () => measureCrowds(host, { "an empty network namespace": base, "one network": spec }, scale.crowd),
  };
  const results: Record<string, unknown> = {};
  for (const [name, run] of Object.entries(measurements)) {
    if (chosen.length === 0 || chosen.includes(name)) results[name] = await run();
  }
  await host.networks.remove(NETWORK);
  return results;
}
