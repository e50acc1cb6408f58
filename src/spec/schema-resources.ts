import { LibctError } from "../errors.ts";
import type {
  BlockIOResources,
  CpuResources,
  DeviceRate,
  DeviceRule,
  DeviceWeight,
  MemoryResources,
  Resources,
} from "./resources.ts";
import {
  either,
  flag,
  integer,
  list,
  mapOf,
  object,
  oneOf,
  Problem,
  type Schema,
  someText,
  texts,
  textThat,
} from "./schema-base.ts";
import { parseSize } from "./size.ts";
import type { CgroupSpec } from "./types.ts";

/** Bytes as `parseSize` has them, or -1. The message is the one of parseSize. */
const size: Schema<number | string> = (input) => {
  if (input === -1 || input === "-1") return -1;
  try {
    parseSize(input as number | string, "");
    return input as number | string;
  } catch (error) {
    if (!(error instanceof LibctError)) throw error;
    const expected = /expected (.*?)(?:; hint: .*)?$/.exec(error.message)?.[1] ?? "a size";
    return new Problem(input, `${expected}, or -1 for unlimited${error.hint ? `\n${error.hint}` : ""}`);
  }
};

const MOST = Number.MAX_SAFE_INTEGER;
const memory = object<MemoryResources>(
  {},
  {
    limit: size,
    reservation: size,
    swap: size,
    kernel: size,
    kernelTCP: size,
    swappiness: integer(0, 100),
    disableOOMKiller: flag,
    useHierarchy: flag,
    checkBeforeUpdate: flag,
    oomGroup: flag,
  },
);

/** cpuset(7), "List format" */
const cpuList = textThat((input) => /^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(input), 'a list such as "0-3,7"');

const cpu = object<CpuResources>(
  {},
  {
    shares: integer(2, 262144),
    quota: quota(),
    burst: integer(0, MOST),
    period: integer(1000, 1000000, "microseconds"),
    realtimeRuntime: integer(-1, MOST),
    realtimePeriod: integer(1, MOST),
    cpus: cpuList,
    mems: cpuList,
    idle: integer(0, 1),
  },
);

/** The kernel takes no less than a millisecond (sched-bwc). */
function quota(): Schema<number> {
  const least = integer(1000, MOST, "microseconds of each period; -1 for unlimited");
  return either((input) => input === -1, integer(-1, -1), least);
}

const weight = integer(10, 1000);
const major = integer(0, 0xfff);
const minor = integer(0, 0xfffff);
const weightDevice = object<DeviceWeight>({ major, minor }, { weight, leafWeight: weight });
const rates = list(object<DeviceRate>({ major, minor, rate: size }, {}));
const blockIO = object<BlockIOResources>(
  {},
  {
    weight,
    leafWeight: weight,
    weightDevice: list(weightDevice),
    throttleReadBpsDevice: rates,
    throttleWriteBpsDevice: rates,
    throttleReadIOPSDevice: rates,
    throttleWriteIOPSDevice: rates,
  },
);

const deviceRule = object<DeviceRule>(
  { allow: flag },
  {
    type: oneOf<"a" | "c" | "b">({ a: true, c: true, b: true }),
    major: integer(-1, 0xfff),
    minor: integer(-1, 0xfffff),
    access: textThat((input) => /^[rwm]{1,3}$/.test(input), 'one to three of "r", "w" and "m"'),
  },
);

type Hugepage = NonNullable<Resources["hugepageLimits"]>[number];
const pageSize = textThat((input) => /^\d+[KMG]B$/.test(input), 'the size of a page, such as "2MB"');

type Network = NonNullable<Resources["network"]>;
type Priority = NonNullable<Network["priorities"]>[number];
const priority = object<Priority>({ name: someText, priority: integer(0, 0xffffffff) }, {});

type Rdma = NonNullable<Resources["rdma"]>;
const rdmaDevice = object<Rdma[string]>({}, { hcaHandles: integer(0, MOST), hcaObjects: integer(0, MOST) });

const pids = either((input) => input === -1, integer(-1, -1), integer(1, 4194304, "-1 for unlimited"));

export const resources = object<Resources>(
  {},
  {
    memory,
    cpu,
    pids: object<NonNullable<Resources["pids"]>>({}, { limit: pids }),
    blockIO,
    hugepageLimits: list(object<Hugepage>({ pageSize, limit: size }, {})),
    network: object<Network>({}, { classID: integer(0, 0xffffffff), priorities: list(priority) }),
    rdma: mapOf(rdmaDevice),
    devices: list(deviceRule),
    unified: texts(
      (name) => /^[a-z][a-z0-9_]*\.[a-zA-Z0-9_.]+$/.test(name) && !name.startsWith("cgroup."),
      'the name of a file of a controller, such as "memory.high"',
    ),
  },
);

/** A path that stays below where it begins. */
export const cgroupsPath: Schema<string> = textThat(
  (input) =>
    /[^/]/.test(input) &&
    input.split("/").every((part) => part !== "." && part !== ".." && Buffer.byteLength(part) <= 255),
  'a path such as "/my/containers/web", without "." and ".."',
);

export const cgroup = object<CgroupSpec>(
  { driver: oneOf<CgroupSpec["driver"]>({ cgroupfs: true, systemd: true, none: true }) },
  { slice: someText, name: someText },
);
