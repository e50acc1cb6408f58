/** What a container uses and has used. A part is left out where no controller counts it. */
export interface CgroupStats {
  readonly cpu?: CpuStats;
  readonly memory?: MemoryStats;
  readonly pids?: PidsStats;
  /** One for each block device that was used. */
  readonly io?: readonly IoStats[];
  /** By the size of the pages, such as "2MB". */
  readonly hugetlb?: Readonly<Record<string, HugetlbStats>>;
  /** How much time was lost in waiting (the kernel's psi.rst); cgroup v2 with CONFIG_PSI only. */
  readonly pressure?: Readonly<Partial<Record<"cpu" | "memory" | "io", Pressure>>>;
}

/** Seconds of processor time. */
export interface CpuStats {
  readonly usage: number;
  readonly user: number;
  readonly system: number;
  /** By cpu.quota: periods, periods in which the container had to wait, and for how many seconds. */
  readonly throttling?: { readonly periods: number; readonly throttled: number; readonly time: number };
}

/** Bytes. A limit that is not there is undefined. */
export interface MemoryStats {
  readonly usage: number;
  readonly peak?: number;
  readonly limit?: number;
  /** Swap alone, whatever the version counts. */
  readonly swap?: { readonly usage: number; readonly limit?: number };
  readonly anon: number;
  readonly file: number;
  readonly shmem: number;
  /** Of the page cache, what the kernel takes back first; usage without it is what tools show as used. */
  readonly inactiveFile: number;
  readonly kernel?: number;
  readonly slab?: number;
  readonly sock?: number;
  readonly events: {
    /** How often the limit stood in the way. */
    readonly max: number;
    /** How often that could not be helped; cgroup v2 only. */
    readonly oom?: number;
    /** Processes killed for it. */
    readonly oomKill: number;
  };
}

export interface PidsStats {
  readonly current: number;
  readonly limit?: number;
}

export interface IoStats {
  readonly major: number;
  readonly minor: number;
  readonly readBytes: number;
  readonly writeBytes: number;
  readonly readOperations: number;
  readonly writeOperations: number;
}

export interface HugetlbStats {
  readonly usage: number;
  readonly limit?: number;
  /** How often the limit stood in the way. */
  readonly failures: number;
}

export interface Pressure {
  readonly some: PressureLine;
  /** Nobody could go on. */
  readonly full?: PressureLine;
}

/** Percent of the last 10, 60 and 300 seconds, and seconds in all. */
export interface PressureLine {
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  readonly total: number;
}

export type StatsPart = keyof CgroupStats;
