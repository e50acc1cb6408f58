/** A number of bytes, or a text such as "256M". */
export type Size = number | string;

export interface MemoryResources {
  /** -1: unlimited, here and below. */
  readonly limit?: Size;
  /** What the kernel tries to leave to the container when memory is short. */
  readonly reservation?: Size;
  /** Memory and swap together, as cgroup v1 counts. Needs `limit`. */
  readonly swap?: Size;
  /** Kernel memory; cgroup v1 before Linux 5.16 only. */
  readonly kernel?: Size;
  /** Buffers of TCP; cgroup v1 only. */
  readonly kernelTCP?: Size;
  /** 0 to 100; cgroup v1 only. */
  readonly swappiness?: number;
  /** Processes wait for memory instead of being killed; cgroup v1 only. */
  readonly disableOOMKiller?: boolean;
  /** Children count for their parents; always so with cgroup v2. */
  readonly useHierarchy?: boolean;
  /** Refuse a new limit below what is used. */
  readonly checkBeforeUpdate?: boolean;
  /** The OOM killer kills all processes or none; libct's own name for memory.oom.group, cgroup v2 only. */
  readonly oomGroup?: boolean;
}

export interface CpuResources {
  /** Weight against others: 2 to 262144, usually 1024. */
  readonly shares?: number;
  /** Microseconds of processor time in each period; -1: unlimited. */
  readonly quota?: number;
  /** Microseconds beyond the quota that may be saved up; at most the quota. */
  readonly burst?: number;
  /** Microseconds: 1000 to 1000000, usually 100000. */
  readonly period?: number;
  /** Microseconds of realtime scheduling in each realtime period; cgroup v1 only. */
  readonly realtimeRuntime?: number;
  readonly realtimePeriod?: number;
  /** Processors, such as "0-3,7". */
  readonly cpus?: string;
  /** Memory nodes. */
  readonly mems?: string;
  /** 1: runs only when nobody else wants to (SCHED_IDLE). */
  readonly idle?: number;
}

interface DeviceNumber {
  readonly major: number;
  readonly minor: number;
}
export interface DeviceWeight extends DeviceNumber {
  readonly weight?: number;
  readonly leafWeight?: number;
}
export interface DeviceRate extends DeviceNumber {
  /** Bytes, or operations, per second; 0: unlimited. */
  readonly rate: Size;
}

export interface BlockIOResources {
  /** 10 to 1000 */
  readonly weight?: number;
  /** Against children; cgroup v1 before Linux 5.0 only. */
  readonly leafWeight?: number;
  readonly weightDevice?: readonly DeviceWeight[];
  readonly throttleReadBpsDevice?: readonly DeviceRate[];
  readonly throttleWriteBpsDevice?: readonly DeviceRate[];
  readonly throttleReadIOPSDevice?: readonly DeviceRate[];
  readonly throttleWriteIOPSDevice?: readonly DeviceRate[];
}

/** Which devices may be used. Rules are followed in their order: the last one that speaks of a device and a right decides. What none allows is refused. */
export interface DeviceRule {
  readonly allow: boolean;
  /** Absent or "a": all, then without numbers. */
  readonly type?: "a" | "c" | "b";
  /** Absent or -1: all. */
  readonly major?: number;
  readonly minor?: number;
  /** r: read, w: write, m: make a node. Absent: all three. */
  readonly access?: string;
}

/** Limits kept by cgroups, as in the OCI runtime-spec (linux.resources). */
export interface Resources {
  readonly memory?: MemoryResources;
  readonly cpu?: CpuResources;
  readonly pids?: {
    /** Processes and threads; -1: unlimited. */
    readonly limit?: number;
  };
  readonly blockIO?: BlockIOResources;
  readonly hugepageLimits?: readonly {
    /** "2MB", "1GB": as the kernel names them. */
    readonly pageSize: string;
    readonly limit: Size;
  }[];
  /** cgroup v1 only */
  readonly network?: {
    readonly classID?: number;
    readonly priorities?: readonly { readonly name: string; readonly priority: number }[];
  };
  readonly rdma?: Readonly<Record<string, { readonly hcaHandles?: number; readonly hcaObjects?: number }>>;
  readonly devices?: readonly DeviceRule[];
  /** Files of cgroup v2 and what is written to them: `{ "memory.high": "200000000" }`. */
  readonly unified?: Readonly<Record<string, string>>;
}
