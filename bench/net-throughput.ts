import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import type { ContainerSpec, Host } from "../src/index.ts";
import { median, table } from "./statistics.ts";

/** Bits in a second. */
type Measure = () => Promise<number>;

interface Pair {
  readonly measure: Measure;
  close(): Promise<void>;
}

const server = ["iperf3", "-s", "-D", "-I", "/tmp/iperf3.pid"] as const;
const client = (address: string, seconds: number) => ["iperf3", "-c", address, "-t", `${seconds}`, "-J"] as const;

const rate = (text: string): number => {
  const told: {
    readonly error?: string;
    readonly end: { readonly sum_received?: { readonly bits_per_second: number } };
  } = JSON.parse(text);
  const { bits_per_second: bits } = told.end.sum_received ?? {};
  if (bits === undefined) throw new Error(`iperf3: ${told.error}`);
  return bits;
};

/** Two containers in a network. The root has iperf3. */
async function containers(host: Host, spec: ContainerSpec, seconds: number): Promise<Pair> {
  const [one, other] = [await host.create(spec), await host.create(spec)];
  const sleep = ["/bin/sleep", "1000"];
  for (const container of [one, other]) {
    await container.start(sleep, { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  }
  const { interfaces } = await one.network();
  const address = interfaces.find(({ name }) => name === "eth0")?.addresses[0]?.split("/")[0] ?? "";
  await (await one.exec([...server], { stdin: "ignore", stdout: "ignore", stderr: "ignore" })).wait();
  return {
    measure: async () => {
      const child = await other.exec([...client(address, seconds)], { stdin: "ignore", stderr: "ignore" });
      let text = "";
      for await (const chunk of child.stdout ?? []) text += chunk;
      await child.wait();
      return rate(text);
    },
    close: async () => {
      for (const container of [one, other]) await container[Symbol.asyncDispose]();
    },
  };
}

/** Two network namespaces on a bridge, made with ip(8); they go with the processes in them. */
async function byHand(seconds: number): Promise<Pair> {
  const holders = [await holdNamespace(), await holdNamespace()];
  const ip = (words: string, pid?: number) => {
    const within = pid === undefined ? [] : ["nsenter", "-t", `${pid}`, "-n"];
    const [file = "", ...rest] = [...within, "ip", ...words.split(" ")];
    execFileSync(file, rest);
  };
  ip("link add hand0 type bridge");
  ip("link set hand0 up");
  for (const [index, { pid }] of holders.entries()) {
    ip(`link add hand${index + 1} type veth peer name eth0 netns ${pid}`);
    ip(`link set hand${index + 1} master hand0 up`);
    ip(`addr add 10.8.0.${index + 1}/24 dev eth0`, pid);
    ip("link set eth0 up", pid);
  }
  const within = (index: number) => ["-t", `${holders[index]?.pid}`, "-n"];
  const listening = spawn("nsenter", [...within(0), "iperf3", "-s", "--forceflush"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  await once(listening.stdout, "data");
  listening.stdout.resume();
  return {
    measure: async () => {
      const words = [...within(1), ...client("10.8.0.1", seconds)];
      return rate(await output(spawn("nsenter", words, { stdio: ["ignore", "pipe", "ignore"] })));
    },
    close: async () => {
      for (const child of [listening, ...holders]) {
        const ended = once(child, "exit");
        child.kill("SIGKILL");
        await ended;
      }
      ip("link del hand0");
    },
  };
}

async function holdNamespace(): Promise<ChildProcess> {
  const child = spawn("unshare", ["--net", "sh", "-c", "echo; exec sleep 1000"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return child;
}

async function output(child: ChildProcess): Promise<string> {
  let text = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    text += chunk;
  });
  await once(child, "close");
  return text;
}

export interface Throughput {
  readonly times: number;
  readonly seconds: number;
}

/** Throughput between two containers of a network, beside two network namespaces on a bridge by hand; in turns. */
export async function measureThroughput(host: Host, spec: ContainerSpec, { times, seconds }: Throughput) {
  const pairs: Readonly<Record<string, Pair>> = {
    "by hand": await byHand(seconds),
    "containers of a network": await containers(host, spec, seconds),
  };
  const samples: Record<string, number[]> = {};
  try {
    for (let round = 0; round < times; round++) {
      for (const [name, { measure }] of Object.entries(pairs)) {
        samples[name] ??= [];
        samples[name].push((await measure()) / 1e9);
      }
    }
  } finally {
    for (const pair of Object.values(pairs)) await pair.close();
  }
  const hand = median(samples["by hand"] ?? []);
  const rows = Object.entries(samples).map(([name, all]) => [
    name,
    all.map((one) => one.toFixed(2)).join(" "),
    median(all).toFixed(2),
    `${(median(all) / hand).toFixed(3)}x`,
  ]);
  console.log(`${table([["between two, Gbit/s", "each time", "median", "by hand"], ...rows])}\n`);
  return samples;
}
