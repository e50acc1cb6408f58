// An application that does random things with containers until it is killed or told to end: `bun worker.ts STATE ROOT EXECUTOR LEASES SEED`. Several share a state directory.
import { existsSync } from "node:fs";
import { type ContainerSpec, Host, LibctError, standard } from "../src/index.ts";
import { NETWORKS, PORTS } from "./networks.ts";
import { pick, random } from "./random.ts";

const [stateDirectory = "", root = "", executor = "", leases = "", seed = "0"] = process.argv.slice(2);
const next = random(Number(seed));
const base: ContainerSpec = { ...standard({ userNamespace: false }), root };
const host = await Host.open({ stateDirectory, executor });
let ended = false;
process.stdin.on("end", () => {
  ended = true;
});
process.stdin.resume();

const PLUGINS = "/usr/lib/cni";
const withPlugins = existsSync(`${PLUGINS}/bridge`);
const address = () => `10.66.${Math.floor(next() * 250)}.${1 + Math.floor(next() * 250)}/16`;
const veth = () => ({ type: "veth", master: "chaos0", addresses: [address()] }) as const;
const plugins = {
  type: "cni",
  network: {
    cniVersion: "1.0.0",
    name: "chaos",
    plugins: [
      { type: "bridge", bridge: "chaos1", ipam: { type: "host-local", dataDir: leases, subnet: "10.67.0.0/16" } },
    ],
  },
  pluginDirs: [PLUGINS],
} as const;

const wantedPort = () => ({ hostPort: PORTS.first + Math.floor(next() * PORTS.count) });

/** In one managed network or in both, with a port that others want as well, with one that is free, or without. */
function managed(): Pick<ContainerSpec, "nics" | "ports"> {
  const [crowded, small] = NETWORKS.map(({ name }) => ({ type: "network", network: name }) as const);
  const containerPort = 80;
  const ports = pick(next, [{}, { ports: [{ containerPort }] }, { ports: [{ containerPort, ...wantedPort() }] }]);
  return {
    nics: { ...(crowded ? { eth0: crowded } : {}), ...(small && next() < 0.2 ? { eth1: small } : {}) },
    ...ports,
  };
}

/** Many have none: a network takes its time, and there is more to be killed. */
function network(): Pick<ContainerSpec, "nics" | "ports"> {
  const chance = next();
  if (chance < 0.1 && withPlugins) return { nics: { eth0: plugins } };
  if (chance < 0.3) return { nics: { eth0: veth() } };
  return chance < 0.6 ? managed() : {};
}

/** The exit status is part of the name, so that the auditor knows what must have been recorded. */
async function makeDurable(): Promise<void> {
  const status = Math.floor(next() * 100);
  const name = `h${status}-${Math.floor(next() * 1e9).toString(36)}`;
  const spec = { ...base, name, lifetime: "host" as const, ...network(), ...(next() < 0.5 ? { resources: {} } : {}) };
  const container = await host.create(spec);
  const seconds = (next() * 0.5).toFixed(2);
  const command = ["sh", "-c", `echo begun; sleep ${seconds}; exit ${status}`];
  if (next() < 0.2) {
    await container.prepare(command);
    await container.release();
  } else {
    await container.start(command);
  }
}

async function makeShort(): Promise<void> {
  const named = next() < 0.5 ? { name: `a-${Math.floor(next() * 1e9).toString(36)}` } : {};
  const container = await host.create({ ...base, ...named, ...network(), ...(next() < 0.5 ? { resources: {} } : {}) });
  const child = await container.start(["sh", "-c", `sleep ${(next() * 0.2).toFixed(2)} & wait`], {
    stdout: "ignore",
    stderr: "ignore",
  });
  if (next() < 0.5) await child.wait();
}

async function useAny(): Promise<void> {
  const listed = (await host.list()).filter((one) => !("error" in one) && one.status === "running");
  const chosen = pick(next, listed);
  if (!chosen) return;
  const container = await host.open(chosen.name);
  const uses = [
    async () => void (await (await container.exec(["true"], { stdout: "ignore", stderr: "ignore" })).wait()),
    async () => void (await container.stats()),
    async () => {
      await container.pause();
      await container.resume();
    },
    async () => void (await container.update({ pids: { limit: 50 } })),
    async () => {
      await container.nics.attach("eth1", next() < 0.2 && withPlugins ? plugins : veth());
      await container.nics.set("eth1", { mtu: 1400 });
      if (next() < 0.5) await container.nics.detach("eth1");
    },
    async () => {
      // Whoever stays to take it away again is killed like the monitors, from which nothing tells it.
      const { hostPort } = await container.nics.publish({ containerPort: 80, ...(next() < 0.5 ? wantedPort() : {}) });
      if (next() < 0.5) await container.nics.unpublish(hostPort === undefined ? {} : { hostPort });
    },
    async () => void (await container.rename(`${chosen.name}r`)),
    async () => {
      for await (const entry of container.logs()) if (entry.lost > 0) throw new Error("a log lost something");
    },
  ];
  await pick(next, uses)?.();
}

/** Whatever goes away between the look and the deed is no fault. */
const EXPECTED = new Set([
  "ERR_CT_STATE",
  "ERR_CT_NO_SUCH_CONTAINER",
  "ERR_CT_NOT_SUPPORTED",
  "ERR_CT_EXECUTOR",
  "ERR_CT_NAME_IN_USE",
]);

/** One thing after the other; several of these at once make more of them overlap. */
async function lane(): Promise<void> {
  while (!ended) {
    const action = pick(next, [makeDurable, makeShort, makeShort, useAny, useAny]);
    try {
      await action?.();
      process.stdout.write(".");
    } catch (error) {
      if (!(error instanceof LibctError)) throw error;
      // Killed on the way: by the kernel's words a process that is gone, or a cgroup that is.
      const gone = error.errno !== undefined && ["ESRCH", "ENOENT", "ENODEV", "ECANCELED"].includes(error.errno);
      if (!EXPECTED.has(error.code) && !gone) process.stderr.write(`worker: ${error.code} ${error.message}\n`);
      // Its executor was killed: it can do nothing more.
      if (error.code === "ERR_CT_EXECUTOR") break;
    }
  }
}

await Promise.all([lane(), lane(), lane()]);
await host[Symbol.asyncDispose]();
