// `npm run build && bun bench/net.ts [ROUNDS]`, as root: what a network costs a container, in-process. Prints; never fails for a figure.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { type ContainerSpec, Host, standard } from "../src/index.ts";
import { makeRoot } from "./root.ts";
import { median, quantile, table } from "./statistics.ts";

/** In a network namespace of its own: nothing of the machine's is touched, and it goes with this process. */
const MARK = "LIBCT_BENCH_NET";
if (process.env[MARK] === undefined) {
  const setUp =
    'ip link set lo up; ip link add br0 type bridge; ip addr add 10.7.0.1/24 dev br0; ip link set br0 up; exec "$@"';
  const command = ["--net", "/bin/sh", "-ec", setUp, "sh", process.execPath, ...process.argv.slice(1)];
  const { status } = spawnSync("unshare", command, { stdio: "inherit", env: { ...process.env, [MARK]: "1" } });
  process.exit(status ?? 1);
}

const rounds = Number(process.argv[2] ?? 100);
const WARM_UP = 5;
const root = mkdtempSync("/tmp/libct-bench-");

const base: ContainerSpec = { ...standard({ userNamespace: false }), root };
const SPECS: Readonly<Record<string, ContainerSpec>> = {
  "the host's network": { ...base, namespaces: base.namespaces?.filter((one) => one !== "network") ?? [] },
  "an empty network namespace": base,
  "the loopback up": { ...base, nics: {} },
  "a veth on a bridge, address, default route": {
    ...base,
    nics: {
      eth0: {
        type: "veth",
        master: "br0",
        addresses: ["10.7.0.2/24"],
        routes: [{ to: "default", via: "10.7.0.1" }],
      },
    },
  },
};

try {
  makeRoot(root);
  print(await measure());
} finally {
  rmSync(root, { recursive: true, force: true });
}

/** Milliseconds of each container, from `create` to its end; all take turns. */
async function measure(): Promise<ReadonlyMap<string, readonly number[]>> {
  await using host = await Host.open();
  const samples = new Map<string, number[]>(Object.keys(SPECS).map((name) => [name, []]));
  for (let round = 0; round < rounds + WARM_UP; round++) {
    for (const [name, spec] of Object.entries(SPECS)) {
      const begun = performance.now();
      const container = await host.create(spec);
      const command = await container.start(["/bin/true"], { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
      await command.wait();
      if (round >= WARM_UP) samples.get(name)?.push(performance.now() - begun);
    }
  }
  return samples;
}

function print(samples: ReadonlyMap<string, readonly number[]>): void {
  const empty = median(samples.get("an empty network namespace") ?? []);
  const rows = [...samples].map(([name, all]) => [
    name,
    median(all).toFixed(2),
    quantile(all, 0.9).toFixed(2),
    `${(median(all) / empty).toFixed(2)}x`,
  ]);
  console.log(table([["a container with", "median ms", "p90 ms", "empty namespace"], ...rows]));
}
