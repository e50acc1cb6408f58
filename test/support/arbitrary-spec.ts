import fc from "fast-check";
import { type CgroupPlan, parseLayout, planCgroup, type ScopePlace } from "../../src/cgroup/index.ts";
import type { IdMaps, Resolved, ResolvedMount, SeccompListener, Stdio } from "../../src/compile/index.ts";
import { type KernelFeatures, kernelFeatures, SECCOMP_FILTER_FLAG } from "../../src/linux/index.ts";
import {
  type ContainerSpec,
  DEFAULT_CAPABILITIES,
  type IdMapping,
  type Mount,
  type NamespaceType,
  type ProcessSpec,
  parseMountOptions,
  type Resources,
  type RootPlan,
  type RootStep,
  standard,
} from "../../src/spec/index.ts";

/** What is known of a container before the machine is looked at, and the looking done by hand: no file is touched. */
export interface Given {
  readonly spec: ContainerSpec;
  readonly process?: Partial<ProcessSpec>;
  readonly root?: RootPlan;
  readonly idMaps?: IdMaps;
  readonly stdio?: readonly [Stdio, Stdio, Stdio];
  readonly cgroup?: Resolved["cgroup"];
  readonly privileged?: boolean;
  readonly record?: Resolved["record"];
  /** Of a seccomp filter that notifies. */
  readonly listener?: SeccompListener;
  readonly nics?: NonNullable<Resolved["nics"]>;
  readonly intelRdt?: NonNullable<Resolved["intelRdt"]>;
}

export const SCRATCH = "/run/libct/scratch";

/** As `resolveContainer` does it, on a machine where every bind source is a directory, and where it exists. */
export function resolvedBy(given: Given, features: KernelFeatures): Resolved {
  const { spec } = given;
  const namespaces = (spec.namespaces ?? []).map((one) => (typeof one === "string" ? { type: one } : one));
  const created = new Set<NamespaceType>(namespaces.filter(({ path }) => path === undefined).map(({ type }) => type));
  const joined = new Map(namespaces.flatMap(({ type, path }) => (path === undefined ? [] : [[type, path] as const])));
  const process: ProcessSpec = { args: ["/bin/true"], ...spec.process, ...given.process };
  const [stdin, stdout, stderr] = given.stdio ?? ["ignore", "pipe", "pipe"];
  return {
    arch: "x86_64",
    features,
    spec,
    process,
    created,
    joined,
    idMaps: created.has("user") ? (given.idMaps ?? OWN_ID) : undefined,
    rootMode: spec.rootMode ?? (created.has("mount") ? "pivot" : "chroot"),
    root: given.root,
    ...(spec.rootMode === "move" ? { kernelViews: ["/proc", "/sys"] } : {}),
    mounts: (spec.mounts ?? []).map(resolvedMount),
    cgroup: given.cgroup,
    user: process.user,
    memoryPolicy: spec.memoryPolicy,
    mountLabel: spec.mountLabel,
    ...(given.intelRdt ? { intelRdt: given.intelRdt } : {}),
    ...(given.nics ? { nics: given.nics } : {}),
    seccomp: spec.seccomp === undefined || spec.seccomp === "unconfined" ? undefined : filterFor(given.listener),
    stdin,
    stdout,
    stderr,
    record: given.record,
    mayMakeNodes: (given.privileged ?? true) && !created.has("user"),
  };
}

/** One instruction: return SECCOMP_RET_ALLOW. What a filter decides has tests of its own. */
export const FILTER = new Uint8Array([0x06, 0, 0, 0, 0, 0, 0xff, 0x7f]);

const filterFor = (listener: SeccompListener | undefined) =>
  listener ? { filter: FILTER, flags: SECCOMP_FILTER_FLAG.NEW_LISTENER, listener } : { filter: FILTER, flags: 0 };

export const OWN_ID: IdMaps = {
  uid: [{ containerID: 0, hostID: 1000, size: 1 }],
  gid: [{ containerID: 0, hostID: 1000, size: 1 }],
  writer: "self",
  denySetgroups: true,
};

export function resolvedMount(mount: Mount, index: number): ResolvedMount {
  const member = `mounts[${index}]`;
  const options = parseMountOptions(mount.options ?? [], `${member}.options`);
  const bind = (options.bind || mount.type === "bind") && !options.remount;
  const source = bind
    ? { path: mount.source ?? "/", directory: !mount.source?.endsWith(".conf"), flags: 0 }
    : undefined;
  return { member, mount, options, source };
}

/** The plans that the drivers of src/fs make, by the driver's name. */
export const ROOT_PLANS: Readonly<Record<string, RootPlan>> = {
  dir: { path: "/srv/root", steps: [{ do: "bind", source: "/srv/root", target: "/srv/root", recursive: true }] },
  overlay: overlayPlan("lowerdir=/srv/a:/srv/b"),
  tmpfs: { path: SCRATCH, steps: [{ do: "mount", source: "tmpfs", target: SCRATCH, type: "tmpfs", data: "mode=755" }] },
  image: {
    path: `${SCRATCH}/image`,
    steps: [
      scratch(),
      { do: "mkdir", path: `${SCRATCH}/image`, mode: 0o755 },
      { do: "image", file: "/srv/root.squashfs", target: `${SCRATCH}/image`, type: "squashfs", readonly: true },
    ],
  },
  "fuse-overlay": {
    path: `${SCRATCH}/root`,
    steps: [
      scratch(),
      { do: "mkdir", path: `${SCRATCH}/root`, mode: 0o755 },
      { do: "helper", args: ["/usr/bin/fuse-overlayfs", "-o", "lowerdir=/srv/a", `${SCRATCH}/root`] },
    ],
  },
  sandbox: {
    path: `${SCRATCH}/root`,
    steps: [
      scratch(),
      { do: "mkdir", path: `${SCRATCH}/root`, mode: 0o755 },
      { do: "bind", source: "/", target: `${SCRATCH}/root`, recursive: true, readonly: true },
    ],
  },
  composed: {
    path: `${SCRATCH}/root`,
    steps: [
      scratch(),
      { do: "mkdir", path: `${SCRATCH}/root`, mode: 0o755 },
      { do: "bind", source: `${SCRATCH}/root`, target: `${SCRATCH}/root`, recursive: false },
      { do: "symlink", path: `${SCRATCH}/root/bin`, target: "usr/bin" },
      { do: "file", path: `${SCRATCH}/root/hosts` },
      { do: "file", path: `${SCRATCH}/root/hostname`, content: "host\n" },
      { do: "bind", source: "/etc/hosts", target: `${SCRATCH}/root/hosts`, recursive: false, readonly: true },
    ],
  },
};

function scratch(): RootStep {
  return { do: "mount", source: "tmpfs", target: SCRATCH, type: "tmpfs", data: "mode=755" };
}

function overlayPlan(lower: string): RootPlan {
  const directories = ["root", "upper", "work"].map(
    (name): RootStep => ({ do: "mkdir", path: `${SCRATCH}/${name}`, mode: 0o755 }),
  );
  const data = `${lower},upperdir=${SCRATCH}/upper,workdir=${SCRATCH}/work`;
  return {
    path: `${SCRATCH}/root`,
    steps: [
      scratch(),
      ...directories,
      { do: "mount", source: "overlay", target: `${SCRATCH}/root`, type: "overlay", data },
    ],
  };
}

/** What limits and rules for devices come to on a machine with cgroups of each version. */
export const CGROUP_PLANS: Readonly<Record<"v1" | "v2" | "systemd", CgroupPlan>> = {
  v1: limitedOn({
    mountinfo: [
      "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
      "33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
      "34 31 0:31 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices",
    ].join("\n"),
    cgroup: "3:memory:/\n2:cpu,cpuacct:/user\n1:devices:/\n",
    controllers: "",
  }),
  v2: limitedOn({
    mountinfo: "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw",
    cgroup: "0::/",
    controllers: "cpu io memory pids",
  }),
  systemd: limitedOn(
    {
      mountinfo: "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw",
      cgroup: "0::/user.slice/session-1.scope",
      controllers: "cpu io memory pids",
    },
    {
      scope: { manager: "system", unit: "libct-1.scope", slice: "system.slice" },
      path: "/system.slice/libct-1.scope",
      delegated: ["cpu", "io", "memory", "pids"],
    },
  ),
};

function limitedOn(texts: Parameters<typeof parseLayout>[0], scope?: ScopePlace): CgroupPlan {
  const files = new Map([["/sys/fs/cgroup/cgroup.controllers", texts.controllers]]);
  const read = (file: string) => files.get(file) ?? (file.endsWith("/cgroup.procs") ? "" : undefined);
  const view = {
    layout: parseLayout(texts),
    read,
    exists: (file: string) => read(file) !== undefined,
    writable: () => true,
  };
  const resources: Resources = {
    memory: { limit: "64M" },
    cpu: { shares: 512 },
    devices: [{ allow: true, type: "c", major: 1, minor: 3, access: "rw" }],
  };
  const plan = planCgroup({ resources, name: "libct-1", scope }, view);
  if (!plan) throw new Error("the plan is empty");
  return plan;
}

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const id = fc.integer({ min: 0, max: 65535 });
export const path = fc
  .array(fc.constantFrom("data", "etc", "srv", "a.conf", "with blank", "ünï"), { minLength: 1, maxLength: 3 })
  .map((parts) => `/${parts.join("/")}`);
const capabilities = fc.subarray([...DEFAULT_CAPABILITIES, "CAP_SYS_ADMIN", "CAP_BPF"]);
export const stdio = fc.constantFrom<Stdio>("pipe", "inherit", "ignore");

const FILESYSTEM_OPTIONS = ["ro", "nosuid", "nodev", "noexec", "noatime", "strictatime", "relatime"];
export const plainMount: fc.Arbitrary<Mount> = fc.record({
  destination: path,
  type: fc.constantFrom("tmpfs", "proc", "sysfs", "devpts", "mqueue", "cgroup2"),
  options: fc.subarray([...FILESYSTEM_OPTIONS, "rprivate", "rro", "mode=755"]),
});
const copyUp: fc.Arbitrary<Mount> = path.map((destination) => ({ destination, type: "tmpfs", options: ["tmpcopyup"] }));
const remount: fc.Arbitrary<Mount> = path.map((destination) => ({ destination, options: ["remount", "bind", "ro"] }));
export const bindMount = (newKernel: boolean): fc.Arbitrary<Mount> =>
  fc
    .record({
      destination: path,
      source: path,
      how: fc.constantFrom("bind", "rbind"),
      options: fc.subarray([...FILESYSTEM_OPTIONS, "rslave", "rro", "rnosuid", ...(newKernel ? ["idmap"] : [])]),
    })
    .map(({ destination, source, how, options }) => {
      const map: IdMapping[] = [{ containerID: 0, hostID: 1000, size: 10 }];
      const mapped = options.includes("idmap") ? { uidMappings: map, gidMappings: map } : {};
      return { destination, source, type: "bind", options: [how, ...options], ...mapped };
    });

const user = fc.oneof(
  fc.record({ uid: id, gid: id, additionalGids: fc.array(id, { maxLength: 5 }), umask: fc.constantFrom(0o22, 0o77) }),
  fc.constantFrom("www-data", "app:staff"),
);

export const arbitraryProcess = (features: KernelFeatures): fc.Arbitrary<ProcessSpec> =>
  fc.record(
    {
      args: fc.array(fc.constantFrom("sh", "/bin/sh", "-c", "true", ""), { minLength: 1, maxLength: 4 }),
      env: fc.dictionary(fc.constantFrom("PATH", "HOME", "A"), fc.constantFrom("/bin:/usr/bin", "", "x y")),
      cwd: fc.constantFrom("/", "/data", "/a b"),
      user,
      capabilities: fc.record({
        bounding: capabilities,
        effective: capabilities,
        permitted: capabilities,
        inheritable: capabilities,
        ambient: fc.subarray(["CAP_CHOWN", "CAP_KILL"]),
      }),
      noNewPrivileges: fc.boolean(),
      rlimits: fc.uniqueArray(
        fc.record({
          type: fc.constantFrom("RLIMIT_NOFILE", "RLIMIT_CORE"),
          soft: fc.constantFrom(0, 64),
          hard: fc.constantFrom(64, -1),
        }),
        { selector: ({ type }) => type },
      ),
      oomScoreAdj: fc.integer({ min: -1000, max: 1000 }),
      apparmorProfile: fc.constant("profile"),
      selinuxLabel: fc.constant("system_u:system_r:container_t:s0"),
      ...(features.landlockAbi > 0
        ? {
            landlock: fc.record({
              readOnly: fc.array(path, { maxLength: 3 }),
              readWrite: fc.array(path, { maxLength: 2 }),
              connectTcp: fc.subarray([80, 443]),
            }),
          }
        : {}),
      newSessionKeyring: fc.boolean(),
      personality: fc.constantFrom("LINUX", "LINUX32", { domain: "LINUX32" }),
      scheduler: fc.constantFrom({ policy: "SCHED_BATCH", nice: 5 }, { policy: "SCHED_RR", priority: 1 }),
      ioPriority: fc.constantFrom({ class: "IOPRIO_CLASS_BE", priority: 7 }, { class: "IOPRIO_CLASS_IDLE" }),
      execCPUAffinity: fc.constantFrom({ initial: "0" }, { final: "0-1" }, { initial: "1", final: "0" }),
      terminal: fc.boolean(),
      consoleSize: fc.record({ height: fc.nat(100), width: fc.nat(200) }),
    },
    { requiredKeys: ["args"] },
  ) as fc.Arbitrary<ProcessSpec>;

export const idMaps: fc.Arbitrary<IdMaps> = fc.constantFrom<IdMaps>(
  OWN_ID,
  {
    ...OWN_ID,
    uid: [{ containerID: 0, hostID: 0, size: 4294967295 }],
    gid: [{ containerID: 0, hostID: 0, size: 4294967295 }],
    writer: "monitor",
    denySetgroups: false,
  },
  {
    ...OWN_ID,
    uid: [
      { containerID: 0, hostID: 1000, size: 1 },
      { containerID: 1, hostID: 100000, size: 65535 },
    ],
    writer: { newuidmap: "/usr/bin/newuidmap", newgidmap: "/usr/bin/newgidmap" },
    denySetgroups: false,
  },
);

const OPTIONAL_NAMESPACES: readonly NamespaceType[] = ["user", "pid", "network", "ipc", "uts", "cgroup", "time"];

/** Containers that the validation lets through and that the kernel in question can make. */
export function arbitraryContainer(features: KernelFeatures): fc.Arbitrary<Given> {
  const namespaces = fc
    .subarray(OPTIONAL_NAMESPACES.filter((type) => type !== "time" || features.timeNamespace))
    .chain((types) =>
      fc.tuple(
        fc.constant(types),
        fc.subarray(["network", "ipc"].filter((type) => !types.includes(type as NamespaceType))),
      ),
    )
    .map(([made, joined]) => [
      ...made,
      "mount" as const,
      ...joined.map((type) => ({ type: type as NamespaceType, path: `/proc/7/ns/${type}` })),
    ]);
  const mounts = fc.array(fc.oneof(plainMount, bindMount(features.mountSetattr), copyUp, remount), { maxLength: 6 });
  const contained = fc.record({
    namespaces,
    mounts,
    process: arbitraryProcess(features),
    rootMode: optional(fc.constantFrom("pivot", "move")),
    readonlyRoot: optional(fc.boolean()),
    rootfsPropagation: optional(fc.constantFrom("private", "slave", "shared", "unbindable")),
    maskedPaths: fc.array(path, { maxLength: 3 }),
    readonlyPaths: fc.array(path, { maxLength: 3 }),
    seccomp: fc.constantFrom("default", "unconfined"),
    sysctl: fc.constantFrom({}, { "net.ipv4.ip_forward": "1" }),
    hostname: optional(fc.constant("box")),
    standardDevices: fc.boolean(),
    links: fc.constantFrom([], [{ path: "/dev/fd", target: "/proc/self/fd" }]),
    root: optional(fc.constantFrom(...Object.keys(ROOT_PLANS))),
    idMaps,
    stdio: fc.tuple(stdio, stdio, stdio),
    cgroup: fc.constantFrom(undefined, ...Object.values(CGROUP_PLANS)),
  });
  return contained.map(({ root, idMaps, stdio, cgroup, process, standardDevices, ...parts }): Given => {
    const devices = standardDevices ? (standard({ userNamespace: false }).devices ?? []) : [];
    const spec = { ...withoutUndefined(parts), devices } as ContainerSpec;
    const inUserNamespace = parts.namespaces.includes("user");
    // Attaching a detached filesystem needs fsopen(2): resolving refuses images in a user namespace on older kernels.
    const possible = root !== "image" || !inUserNamespace || features.fsopen;
    const plan = root === undefined || !possible ? undefined : ROOT_PLANS[root];
    return { spec, process, idMaps, stdio, ...(cgroup ? { cgroup } : {}), ...(plan ? { root: plan } : {}) };
  });
}

/** Child processes with hardly a wall around them: no namespaces, or none for mounts. */
export const arbitraryBareProcess = (features: KernelFeatures): fc.Arbitrary<Given> =>
  fc.record({
    spec: fc.record({
      namespaces: fc.subarray<NamespaceType>(["user", "pid", "network"]),
      seccomp: fc.constantFrom("default", "unconfined"),
    }),
    process: arbitraryProcess(features),
    stdio: fc.tuple(stdio, stdio, stdio),
  });

const withoutUndefined = (value: object) =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined));

export const KERNELS = ["4.19", "5.4", "5.10", "6.1", "6.12"] as const;
export const arbitraryKernel = fc.constantFrom(...KERNELS).map(kernelFeatures);
