import { readFileSync } from "node:fs";
import { LibctError } from "../../errors.ts";
import { parseResources, translateResources } from "../../flavours/oci/index.ts";
import { parseSize, type Resources } from "../../spec/index.ts";
import { readText } from "../parse.ts";
import type { FlagTable } from "../syntax.ts";
import { usage } from "../syntax.ts";
import type { Runtime } from "./runtime.ts";
import type { RuntimeSyntax } from "./syntax.ts";
import { open } from "./with-container.ts";

interface UpdateFlags {
  readonly resources?: string;
  readonly blkioWeight?: string;
  readonly cpuPeriod?: string;
  readonly cpuQuota?: string;
  readonly cpuBurst?: string;
  readonly cpuShare?: string;
  readonly cpuRtPeriod?: string;
  readonly cpuRtRuntime?: string;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly cpuIdle?: string;
  readonly memory?: string;
  readonly memoryReservation?: string;
  readonly memorySwap?: string;
  readonly pidsLimit?: string;
  readonly l3CacheSchema?: string;
  readonly memBwSchema?: string;
}

const number = (text: string) => ({ value: "number", text }) as const;
const size = (text: string) => ({ value: "bytes", text }) as const;

const FLAGS: FlagTable<UpdateFlags> = {
  resources: { short: "-r", value: "file", text: 'linux.resources as in config.json; "-" is standard input' },
  blkioWeight: number("weight of block I/O, 10 to 1000"),
  cpuPeriod: number("microseconds of a CFS period"),
  cpuQuota: number("microseconds of processor time in a period"),
  cpuBurst: number("microseconds that may be saved up"),
  cpuShare: number("shares of processor time against others"),
  cpuRtPeriod: number("microseconds of a realtime period"),
  cpuRtRuntime: number("microseconds of realtime in a period"),
  cpusetCpus: { value: "list", text: 'processors, such as "0-1"' },
  cpusetMems: { value: "list", text: "memory nodes" },
  cpuIdle: number("1: only what nobody else wants"),
  memory: size("limit of memory"),
  memoryReservation: size("memory that is given back last"),
  memorySwap: size("limit of memory and swap; -1: none"),
  pidsLimit: number("limit of processes; -1: none"),
  l3CacheSchema: { value: "schema", text: "Intel RDT: the L3 cache" },
  memBwSchema: { value: "schema", text: "Intel RDT: memory bandwidth" },
};

const SYNTAX: RuntimeSyntax<UpdateFlags> = {
  summary: "change the limits of a container",
  usage: "[options] CONTAINER",
  words: [1, 1],
  flags: FLAGS,
};

export async function update(runtime: Runtime, line: readonly string[]): Promise<number> {
  const { container, flags } = await open(runtime, "update", SYNTAX, line);
  if (flags.l3CacheSchema ?? flags.memBwSchema) {
    throw new LibctError("ERR_CT_NOT_SUPPORTED", "Intel RDT of a running container cannot be changed");
  }
  const wanted = flags.resources === undefined ? resourcesOf(flags) : readResources(flags.resources, runtime);
  await container.update(wanted);
  return 0;
}

function readResources(file: string, { log }: Runtime): Resources {
  const text = file === "-" ? readFileSync(0, "utf8") : readText("--resources", file);
  return translateResources(parseResources(text), (warning) => log.warn(warning));
}

function resourcesOf(flags: UpdateFlags): Resources {
  const whole = (member: keyof UpdateFlags) => {
    const word = flags[member];
    if (word === undefined) return undefined;
    if (!/^-?\d+$/.test(word)) throw usage(`${JSON.stringify(word)} is no whole number`);
    return Number(word);
  };
  const bytes = (member: keyof UpdateFlags) => {
    const word = flags[member];
    return word === undefined ? undefined : word === "-1" ? -1 : parseSize(word, String(member));
  };
  const all = {
    cpu: {
      shares: whole("cpuShare"),
      quota: whole("cpuQuota"),
      period: whole("cpuPeriod"),
      burst: whole("cpuBurst"),
      idle: whole("cpuIdle"),
      realtimePeriod: whole("cpuRtPeriod"),
      realtimeRuntime: whole("cpuRtRuntime"),
      cpus: flags.cpusetCpus,
      mems: flags.cpusetMems,
    },
    memory: { limit: bytes("memory"), reservation: bytes("memoryReservation"), swap: bytes("memorySwap") },
    pids: { limit: whole("pidsLimit") },
    blockIO: { weight: whole("blkioWeight") },
  };
  return withoutUndefined(all);
}

function withoutUndefined(groups: Readonly<Record<string, Readonly<Record<string, unknown>>>>): Resources {
  const given = Object.entries(groups).map(([name, members]) => {
    const known = Object.entries(members).filter(([, value]) => value !== undefined);
    return [name, Object.fromEntries(known)] as const;
  });
  return Object.fromEntries(given.filter(([, members]) => Object.keys(members).length > 0)) as Resources;
}
