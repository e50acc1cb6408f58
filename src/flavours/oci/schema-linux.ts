import {
  either,
  flag,
  id,
  integer,
  isObject,
  list,
  mapOf,
  namespaceType,
  object,
  oneOf,
  type Schema,
  type Seccomp,
  seccompSchema,
  someText,
  text,
  texts,
} from "../../spec/index.ts";
import type { OciIdMapping } from "./config.ts";
import type { OciDevice, OciIntelRdt, OciLinux, OciMemoryPolicy, OciNamespace, OciTimeOffset } from "./config-linux.ts";
import { resources } from "./schema-resources.ts";

export const idMapping = object<OciIdMapping>({ containerID: id, hostID: id, size: id }, {});

const namespace = object<OciNamespace>({ type: namespaceType }, { path: text });

const number = integer(0, Number.MAX_SAFE_INTEGER);
const device = object<OciDevice>(
  { type: oneOf<OciDevice["type"]>({ c: true, b: true, u: true, p: true }), path: someText },
  { major: number, minor: number, fileMode: integer(0, 0xffffffff), uid: id, gid: id },
);

/** runc takes a profile that says nothing for none. */
const saysNothing = (input: unknown) =>
  isObject(input) &&
  !("defaultAction" in input && input.defaultAction) &&
  !("syscalls" in input && Array.isArray(input.syscalls) && input.syscalls.length > 0);
const seccomp: Schema<Seccomp | Record<never, never>> = either(
  saysNothing,
  object<Record<never, never>>({}, {}),
  seccompSchema,
);

const secs = integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
const intelRdt = object<OciIntelRdt>(
  {},
  {
    closID: text,
    schemata: list(text),
    l3CacheSchema: text,
    memBwSchema: text,
    enableMonitoring: flag,
    enableCMT: flag,
    enableMBM: flag,
  },
);

type Flags = NonNullable<OciMemoryPolicy["flags"]>;
const memoryPolicy = object<OciMemoryPolicy>(
  {
    mode: oneOf<OciMemoryPolicy["mode"]>({
      MPOL_DEFAULT: true,
      MPOL_BIND: true,
      MPOL_INTERLEAVE: true,
      MPOL_WEIGHTED_INTERLEAVE: true,
      MPOL_PREFERRED: true,
      MPOL_PREFERRED_MANY: true,
      MPOL_LOCAL: true,
    }),
  },
  {
    nodes: text,
    flags: list(
      oneOf<Flags[number]>({ MPOL_F_NUMA_BALANCING: true, MPOL_F_RELATIVE_NODES: true, MPOL_F_STATIC_NODES: true }),
    ),
  },
);

const isKey = (name: string) => name !== "" && !name.includes("\0");

export const linux = object<OciLinux>(
  {},
  {
    namespaces: list(namespace),
    uidMappings: list(idMapping),
    gidMappings: list(idMapping),
    timeOffsets: mapOf(object<OciTimeOffset>({}, { secs, nanosecs: number })),
    devices: list(device),
    netDevices: mapOf(object<{ readonly name?: string }>({}, { name: text })),
    cgroupsPath: text,
    resources,
    intelRdt,
    memoryPolicy,
    sysctl: texts(isKey, "the name of a kernel parameter"),
    seccomp,
    rootfsPropagation: text,
    maskedPaths: list(text),
    readonlyPaths: list(text),
    mountLabel: text,
    personality: object<NonNullable<OciLinux["personality"]>>({ domain: text }, { flags: list(text) }),
  },
);
