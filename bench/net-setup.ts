import type { ContainerSpec, Host } from "../src/index.ts";
import { type Engine, failure, type OpenEngine, openDocker, openPodman, succeed } from "./net-engines.ts";
import { median, quantile, table } from "./statistics.ts";

type Samples = ReadonlyMap<string, readonly number[]>;
type Contestants = Readonly<Record<string, () => Promise<void>>>;

const WARM_UP = 3;
const EMPTY = "an empty network namespace";
const PLAIN = "a network";
const PUBLISHED = "a network, a published port";

/** Milliseconds of each; all take turns, so that what happens to the machine meanwhile happens to all. */
async function takeTurns(contestants: Contestants, rounds: number): Promise<Samples> {
  const samples = new Map<string, number[]>(Object.keys(contestants).map((name) => [name, []]));
  for (let round = 0; round < rounds + WARM_UP; round++) {
    for (const [name, run] of Object.entries(contestants)) {
      const begun = performance.now();
      await run();
      if (round >= WARM_UP) samples.get(name)?.push(performance.now() - begun);
    }
  }
  return samples;
}

/** From `create` until the container has ended, and nothing is left of it. */
async function runOne(host: Host, spec: ContainerSpec): Promise<void> {
  const container = await host.create(spec);
  const command = await container.start(["/bin/true"], { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  await command.wait();
}

/** What a network costs a container, in-process. `base` has an empty network namespace; `network` is managed, and there is a bridge br0 with 10.7.0.1/24. */
export async function measureSetUp(host: Host, base: ContainerSpec, network: string, rounds: number) {
  const managed = { eth0: { type: "network", network } } as const;
  const routes = [{ to: "default", via: "10.7.0.1" }];
  const veth = { type: "veth", master: "br0", addresses: ["10.7.0.2/24"], routes } as const;
  const specs: Readonly<Record<string, ContainerSpec>> = {
    "the host's network": { ...base, namespaces: base.namespaces?.filter((one) => one !== "network") ?? [] },
    [EMPTY]: base,
    "the loopback up": { ...base, nics: {} },
    "a veth on a bridge, address, default route": { ...base, nics: { eth0: veth } },
    [PLAIN]: { ...base, nics: managed },
    [PUBLISHED]: { ...base, nics: managed, ports: [{ hostPort: 18080, containerPort: 80 }] },
  };
  const contestants = Object.entries(specs).map(([name, spec]) => [name, () => runOne(host, spec)] as const);
  const samples = await takeTurns(Object.fromEntries(contestants), rounds);
  print("a container with, in-process", samples, [[EMPTY, "empty namespace"]]);
  const publishing = medianOf(samples, PUBLISHED) - medianOf(samples, PLAIN);
  console.log(`publishing a port takes ${publishing.toFixed(2)} ms more\n`);
  return { ...summary(samples), publishing };
}

const ENGINES: Readonly<Record<string, readonly [OpenEngine, string]>> = {
  "docker run": [openDocker, "bridge"],
  "podman run": [openPodman, "podman"],
};

/** Beside whole commands of others, which have a client to start, and one of libct's own. */
export async function measureBesideEngines(
  host: Host,
  spec: ContainerSpec,
  { directory, image, own, rounds }: EngineOptions,
) {
  const contestants: Record<string, () => Promise<void>> = { "libct, in-process": () => runOne(host, spec) };
  const fault = failure(own);
  if (fault === undefined) contestants["ct run, single file"] = () => succeed(own);
  else console.log(`left out: ct run, which \`npm run build:bin\` makes: ${fault}`);
  const engines: Engine[] = [];
  const bridged: string[] = [];
  try {
    for (const [name, [open, bridge]] of Object.entries(ENGINES)) {
      const engine = await open(`${directory}/${name.split(" ")[0]}`, image);
      if (typeof engine === "string") {
        console.log(`left out: ${name}: ${engine}`);
        continue;
      }
      engines.push(engine);
      contestants[`${name} --network none`] = () => engine.run("none");
      contestants[`${name} --network ${bridge}`] = () => engine.run(bridge);
      bridged.push(`${name} --network ${bridge}`);
    }
    const samples = await takeTurns(contestants, rounds);
    print(
      "on a bridge, with an address and a default route",
      samples,
      bridged.map((name) => [name, name]),
    );
    return summary(samples);
  } finally {
    for (const engine of engines) await engine.close();
  }
}

export interface EngineOptions {
  readonly directory: string;
  /** A tar file of the root. */
  readonly image: string;
  /** The command of libct's that does the same. */
  readonly own: readonly string[];
  readonly rounds: number;
}

const medianOf = (samples: Samples, name: string): number => median(samples.get(name) ?? []);

const summary = (samples: Samples) =>
  Object.fromEntries([...samples].map(([name, all]) => [name, { median: median(all), p90: quantile(all, 0.9) }]));

function print(title: string, samples: Samples, beside: readonly (readonly [name: string, title: string])[]): void {
  const rows = [...samples].map(([name, all]) => [
    name,
    median(all).toFixed(2),
    quantile(all, 0.9).toFixed(2),
    ...beside.map(([other]) => `${(median(all) / medianOf(samples, other)).toFixed(2)}x`),
  ]);
  console.log(`${table([[title, "median ms", "p90 ms", ...beside.map(([, text]) => text)], ...rows])}\n`);
}
