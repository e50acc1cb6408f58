import { setTimeout as pause } from "node:timers/promises";
import type { Container, ContainerStats, InterfaceStats } from "../../host/index.ts";
import { parseDuration } from "../../spec/index.ts";
import { say } from "./output.ts";
import type { Runtime } from "./runtime.ts";
import type { RuntimeSyntax } from "./syntax.ts";
import { open } from "./with-container.ts";

interface EventFlags {
  readonly interval?: string;
  readonly stats?: true;
}

const SYNTAX: RuntimeSyntax<EventFlags> = {
  summary: "tell what a container uses, and what happens to it",
  usage: "[options] CONTAINER",
  words: [1, 1],
  flags: {
    interval: { value: "duration", text: "how often the use is told (default: 5s)" },
    stats: { text: "tell the use once, and nothing else" },
  },
};

/** One JSON object a line, as runc has them: {"type":"stats","id":...,"data":...}, {"type":"oom","id":...}. */
export async function events(runtime: Runtime, line: readonly string[]): Promise<number> {
  const { container, flags } = await open(runtime, "events", SYNTAX, line);
  if (flags.stats) {
    await tellStats(container);
    return 0;
  }
  const interval = parseDuration(flags.interval ?? "5s", "--interval") * 1000;
  const over = new AbortController();
  const told = tellEvents(container).finally(() => over.abort());
  while (!over.signal.aborted) {
    await tellStats(container);
    await pause(interval, undefined, { signal: over.signal }).catch(() => undefined); // It has ended.
  }
  await told;
  return 0;
}

async function tellEvents(container: Container): Promise<void> {
  for await (const { type } of container.events({ links: false })) {
    if (type === "oom" || type === "oom-kill") say(`${JSON.stringify({ type: "oom", id: container.name })}\n`);
  }
}

async function tellStats(container: Container): Promise<void> {
  say(`${JSON.stringify({ type: "stats", id: container.name, data: dataOf(await container.stats()) })}\n`);
}

const nanoseconds = (seconds: number) => Math.round(seconds * 1e9);

function dataOf({ cpu, memory, pids, io, hugetlb, network }: ContainerStats) {
  return {
    cpu: cpu && {
      usage: { total: nanoseconds(cpu.usage), kernel: nanoseconds(cpu.system), user: nanoseconds(cpu.user) },
      throttling: cpu.throttling && {
        periods: cpu.throttling.periods,
        throttledPeriods: cpu.throttling.throttled,
        throttledTime: nanoseconds(cpu.throttling.time),
      },
    },
    memory: memory && {
      cache: memory.file,
      usage: { limit: memory.limit, usage: memory.usage, max: memory.peak, failcnt: memory.events.max },
      swap: memory.swap,
      raw: { anon: memory.anon, file: memory.file, shmem: memory.shmem, inactive_file: memory.inactiveFile },
    },
    pids,
    blkio: io && { ioServiceBytesRecursive: io.flatMap(bytes), ioServicedRecursive: io.flatMap(operations) },
    hugetlb:
      hugetlb &&
      Object.fromEntries(
        Object.entries(hugetlb).map(([size, { usage, failures }]) => [size, { usage, failcnt: failures }]),
      ),
    network_interfaces: network && Object.entries(network).map(networkInterface),
  };
}

/** The names that runc's structure has in JSON. */
const networkInterface = ([Name, { rx, tx }]: readonly [string, InterfaceStats]) => ({
  Name,
  RxBytes: rx.bytes,
  RxPackets: rx.packets,
  RxErrors: rx.errors,
  RxDropped: rx.dropped,
  TxBytes: tx.bytes,
  TxPackets: tx.packets,
  TxErrors: tx.errors,
  TxDropped: tx.dropped,
});

type Io = NonNullable<ContainerStats["io"]>[number];
const bytes = ({ major, minor, readBytes, writeBytes }: Io) => [
  { major, minor, op: "Read", value: readBytes },
  { major, minor, op: "Write", value: writeBytes },
];
const operations = ({ major, minor, readOperations, writeOperations }: Io) => [
  { major, minor, op: "Read", value: readOperations },
  { major, minor, op: "Write", value: writeOperations },
];
