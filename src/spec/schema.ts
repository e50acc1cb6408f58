import { signalNumber } from "../linux/index.ts";
import type { IntelRdt } from "./intel-rdt.ts";
import type { RootDriver } from "./root-driver.ts";
import {
  either,
  flag,
  integer,
  isObject,
  list,
  mapOf,
  object,
  oneOf,
  path,
  type Schema,
  someText,
  texts,
  textThat,
  value,
} from "./schema-base.ts";
import { healthcheck } from "./schema-healthcheck.ts";
import { hooks } from "./schema-hooks.ts";
import { device, idMappings, link, mount } from "./schema-mounts.ts";
import { nic } from "./schema-nics.ts";
import { dns, hosts, ports } from "./schema-ports.ts";
import { processDefaultsSchema } from "./schema-process.ts";
import { cgroup, cgroupsPath, resources } from "./schema-resources.ts";
import { memoryPolicy } from "./schema-scheduling.ts";
import type { Seccomp } from "./seccomp.ts";
import type { ContainerSpec, IdMapping, Log, Namespace, NamespaceType, Restart } from "./types.ts";
import { validateSeccomp } from "./validate-seccomp.ts";

const isSignalNumber = (input: unknown): boolean =>
  typeof input === "number" && Number.isInteger(input) && input >= 1 && input <= 64;

/** A container's name is part of file names and of cgroup names. These are the ids that runc takes, and so what engines may choose. */
const name = textThat(
  (input) => /^[\w+.-]{1,128}$/.test(input) && input !== "." && input !== "..",
  'a name of 1 to 128 letters, digits, "_", "+", "." and "-", other than "." and ".."',
);

const driver = value<RootDriver>(
  (input) =>
    isObject(input) &&
    "type" in input &&
    typeof input.type === "string" &&
    "plan" in input &&
    typeof input.plan === "function" &&
    (!("release" in input) || input.release === undefined || typeof input.release === "function"),
  "a directory, or a root driver such as overlay(...): an object with a string `type` and a function `plan`",
);

export const namespaceType = oneOf<NamespaceType>({
  user: true,
  mount: true,
  pid: true,
  network: true,
  ipc: true,
  uts: true,
  cgroup: true,
  time: true,
});
const namespace = either(isObject, object<Namespace>({ type: namespaceType }, { path }), namespaceType);

const mapping: Schema<"auto" | "identity" | readonly IdMapping[]> = either(
  (input) => isObject(input),
  idMappings,
  oneOf<"auto" | "identity">({ auto: true, identity: true }, ", or a list of mappings"),
);

/** The kernel's KTIME_SEC_MAX / 2: further than this no clock can be moved (time_namespaces(7)). */
const FURTHEST = 4611686018;
type Offsets = NonNullable<ContainerSpec["timeOffsets"]>;
const offset = object<NonNullable<Offsets["monotonic"]>>(
  {},
  { secs: integer(-FURTHEST, FURTHEST), nanosecs: integer(0, 999999999) },
);

/** __NEW_UTS_LEN of <linux/utsname.h> */
const hostname = textThat(
  (input) => Buffer.byteLength(input) <= 64,
  "at most 64 bytes, which is all the kernel stores",
);

const seccomp: Schema<"default" | "unconfined" | Seccomp> = either(
  isObject,
  (input) => validateSeccomp(input),
  oneOf<"default" | "unconfined">({ default: true, unconfined: true }, ", or a profile in the OCI's form"),
);

export const containerSchema = object<ContainerSpec>(
  {},
  {
    name,
    root: either((input) => typeof input === "string", someText, driver),
    rootMode: oneOf<NonNullable<ContainerSpec["rootMode"]>>({ pivot: true, move: true, chroot: true }),
    readonlyRoot: flag,
    rootfsPropagation: oneOf<NonNullable<ContainerSpec["rootfsPropagation"]>>({
      private: true,
      slave: true,
      shared: true,
      unbindable: true,
    }),
    namespaces: list(namespace),
    uidMappings: mapping,
    gidMappings: mapping,
    timeOffsets: object<Offsets>({}, { monotonic: offset, boottime: offset }),
    hostname,
    domainname: hostname,
    mounts: list(mount),
    devices: list(device),
    links: list(link),
    maskedPaths: list(path),
    readonlyPaths: list(path),
    sysctl: texts((key) => key !== "" && !key.includes("\0"), "the name of a kernel parameter"),
    resources,
    cgroupsPath,
    cgroup,
    seccomp,
    memoryPolicy,
    netDevices: mapOf(object<{ readonly name?: string }>({}, { name: someText })),
    nics: mapOf(nic),
    ports,
    dns,
    hosts,
    mountLabel: textThat(
      (label) => /^[^\s"\\]{1,255}$/.test(label),
      'a label such as "system_u:object_r:container_file_t:s0:c1,c2"',
    ),
    intelRdt: object<IntelRdt>(
      {},
      {
        closID: someText,
        schemata: list(someText),
        l3CacheSchema: someText,
        memBwSchema: someText,
        enableMonitoring: flag,
      },
    ),
    hooks,
    bundle: path,
    annotations: texts((key) => key !== "", "the name of an annotation"),
    process: processDefaultsSchema,
    lifetime: oneOf<NonNullable<ContainerSpec["lifetime"]>>({ app: true, host: true, orphan: true }),
    restart: object<Restart>(
      { policy: oneOf<Restart["policy"]>({ no: true, "on-failure": true, always: true }) },
      { maximumRetryCount: integer(0, 0x7fff_ffff) },
    ),
    stopSignal: value<NodeJS.Signals | number>(
      (input) => (typeof input === "string" ? signalNumber(input) !== undefined : isSignalNumber(input)),
      'a signal such as "SIGTERM", or a number from 1 to 64',
    ),
    log: object<Log>({}, { maxSize: integer(4096, Number.MAX_SAFE_INTEGER) }),
    healthcheck,
    autoRemove: flag,
  },
);
