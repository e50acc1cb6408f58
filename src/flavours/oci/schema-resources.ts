import { flag, integer, list, mapOf, object, oneOf, type Schema, text, texts, value } from "../../spec/index.ts";
import type { Int } from "./config.ts";
import type { OciDeviceRule, OciResources, OciThrottleDevice, OciWeightDevice } from "./config-linux.ts";

const isInt = (input: unknown): input is Int => typeof input === "bigint" || Number.isInteger(input);

/** 2^63 and 2^64 as jq and JavaScript write them, who round: the specification's own schema has the same bounds. */
const MOST_SIGNED = 9223372036854776000n;
const MOST = 18446744073709552000n;

export const int64: Schema<Int> = value(
  (input) => isInt(input) && input >= -MOST_SIGNED && input <= MOST_SIGNED,
  "a 64-bit integer",
);
export const uint64: Schema<Int> = value(
  (input) => isInt(input) && input >= 0 && input <= MOST,
  "an integer from 0 to 2^64-1",
);
const uint32 = integer(0, 0xffffffff);
const uint16 = integer(0, 0xffff);
const number = integer(-1, Number.MAX_SAFE_INTEGER);

const rule = object<OciDeviceRule>(
  { allow: flag },
  {
    type: oneOf<NonNullable<OciDeviceRule["type"]>>({ a: true, c: true, b: true, "": true }),
    major: number,
    minor: number,
    access: text,
  },
);

type Member<K extends keyof OciResources> = NonNullable<OciResources[K]>;
const memory = object<Member<"memory">>(
  {},
  {
    limit: int64,
    reservation: int64,
    swap: int64,
    kernel: int64,
    kernelTCP: int64,
    swappiness: uint64,
    disableOOMKiller: flag,
    useHierarchy: flag,
    checkBeforeUpdate: flag,
  },
);

const cpu = object<Member<"cpu">>(
  {},
  {
    shares: uint64,
    quota: int64,
    burst: uint64,
    period: uint64,
    realtimeRuntime: int64,
    realtimePeriod: uint64,
    cpus: text,
    mems: text,
    idle: int64,
  },
);

const weights = object<OciWeightDevice>({ major: number, minor: number }, { weight: uint16, leafWeight: uint16 });
const rates = list(object<OciThrottleDevice>({ major: number, minor: number, rate: uint64 }, {}));
const blockIO = object<Member<"blockIO">>(
  {},
  {
    weight: uint16,
    leafWeight: uint16,
    weightDevice: list(weights),
    throttleReadBpsDevice: rates,
    throttleWriteBpsDevice: rates,
    throttleReadIOPSDevice: rates,
    throttleWriteIOPSDevice: rates,
  },
);

type Priority = NonNullable<Member<"network">["priorities"]>[number];
const network = object<Member<"network">>(
  {},
  { classID: uint32, priorities: list(object<Priority>({ name: text, priority: uint32 }, {})) },
);

export const resources = object<OciResources>(
  {},
  {
    devices: list(rule),
    memory,
    cpu,
    pids: object<Member<"pids">>({}, { limit: int64 }),
    blockIO,
    hugepageLimits: list(object<Member<"hugepageLimits">[number]>({ pageSize: text, limit: uint64 }, {})),
    network,
    rdma: mapOf(object<Member<"rdma">[string]>({}, { hcaHandles: uint32, hcaObjects: uint32 })),
    unified: texts((name) => name !== "", "the name of a file"),
  },
);
