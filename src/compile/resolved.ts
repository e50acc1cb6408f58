import type { CgroupDirectory, CgroupPlan, CgroupScope } from "../cgroup/index.ts";
import type { Arch, KernelFeatures } from "../linux/index.ts";
import type {
  ContainerNetworks,
  ContainerSpec,
  IdMapping,
  MemoryPolicy,
  Mount,
  MountOptions,
  MountTree,
  NamespaceType,
  ProcessSpec,
  RootPlan,
  User,
} from "../spec/index.ts";

import type { IntelRdtPlan } from "./intel-rdt.ts";
import type { HolderPlace } from "./net-visit.ts";
import type { NicPlans } from "./nics.ts";
import type { RecordPlan } from "./record.ts";
import type { SeccompListener } from "./seccomp-notify.ts";

export type Stdio = "pipe" | "inherit" | "ignore";

/** Of a container that outlives its application: a FIFO in its record for the input, the log for the output. */
export type Stream = Stdio | "fifo" | "log";

/** How the ids of a new user namespace are mapped, and who may write the maps (user_namespaces(7)). */
export interface IdMaps {
  readonly uid: readonly IdMapping[];
  readonly gid: readonly IdMapping[];
  /** The process itself (a single id), its privileged parent, or newuidmap(1) and newgidmap(1). */
  readonly writer: "self" | "monitor" | { readonly newuidmap: string; readonly newgidmap: string };
  readonly denySetgroups: boolean;
}

export interface ResolvedMount {
  readonly member: string;
  readonly mount: Mount;
  readonly options: MountOptions;
  /** Of a bind mount: what the source is, and (for kernels without mount_setattr) the MS_ flags that it has and must keep. */
  readonly source:
    | {
        readonly path: string;
        readonly directory: boolean;
        readonly flags: number;
        readonly below?: MountTree["below"];
      }
    | undefined;
}

/** What is known of a process that is to be executed in a container, whether it is the first one or enters later. */
export interface ResolvedProcess {
  readonly arch: Arch;
  readonly features: KernelFeatures;
  readonly process: ProcessSpec;
  /** Maps of the user namespace that is made or entered. */
  readonly idMaps: Pick<IdMaps, "uid" | "gid" | "denySetgroups"> | undefined;
  /** The process has a root that is not the host's. */
  readonly root: Pick<RootPlan, "path"> | undefined;
  /** Ids, or a name that the container's own passwd must explain; undefined: unchanged. */
  readonly user: User | string | undefined;
  /** The assembled seccomp filter. */
  readonly seccomp:
    | {
        readonly filter: Uint8Array;
        readonly flags: number;
        /** When the filter notifies of system calls. */
        readonly listener?: SeccompListener;
      }
    | undefined;
  /** Of the container, also for processes that enter it: they are not children of its first one, which would pass it on. */
  readonly memoryPolicy?: MemoryPolicy | undefined;
  readonly stdin: Exclude<Stream, "log">;
  readonly stdout: Exclude<Stream, "fifo">;
  readonly stderr: Exclude<Stream, "fifo">;
  /** The process is left to itself when it stands: nobody waits for its end. */
  readonly orphan?: boolean;
  /** Who gets the master of its terminal, by a Unix socket. */
  readonly consoleSocket?: string | undefined;
  /** Who gets a pidfd of the process. */
  readonly pidfdSocket?: string | undefined;
  /** How many descriptors, from 3 on, the executor has for the command. */
  readonly passed?: number;
}

/** A scope of systemd's, and a cgroup below its own: "" or such as "/workers". */
export interface ScopeEntry {
  readonly scope: CgroupScope;
  readonly below: string;
}

/** What must be known to enter a container that runs. */
export interface ResolvedEntry extends ResolvedProcess {
  /** The directory of the container's first process, from /proc on: held open by the application, so that it cannot become another process's. */
  readonly target: string;
  readonly namespaces: ReadonlySet<NamespaceType>;
  /** Without privileges the user namespace is what gives the right to enter the others; with them it is entered when they are no longer needed. */
  readonly userFirst: boolean;
  /** "/" of the first process is not that of its mount namespace. */
  readonly chroot: boolean;
  /** Directories on the host of the cgroups that the process is in. */
  readonly cgroups: readonly Pick<CgroupDirectory, "path" | "version">[];
  /** systemd puts it there, as the user may not (of an ordinary user's scope). */
  readonly attach?: ScopeEntry | undefined;
  /** The same of resctrl, whose lists are called tasks. */
  readonly intelRdtPaths?: readonly string[];
  /** Goes on when the application has ended. */
  readonly keepRunning: boolean;
}

/**
 * Everything that the compiler needs to know: the spec, and what was looked up on the machine for it. The compiler itself looks at nothing,
 * so the same value gives the same program anywhere.
 */
export interface Resolved extends ResolvedProcess {
  readonly spec: ContainerSpec;
  readonly created: ReadonlySet<NamespaceType>;
  readonly joined: ReadonlyMap<NamespaceType, string>;
  /** Maps of a new user namespace. */
  readonly idMaps: IdMaps | undefined;
  readonly rootMode: "pivot" | "move" | "chroot";
  readonly root: RootPlan | undefined;
  /** Where the host has whole procfs and sysfs mounts, one above the other as often as it is named; the deepest first. Of a root that is moved. */
  readonly kernelViews?: readonly string[];
  readonly mounts: readonly ResolvedMount[];
  /** The SELinux label of what is mounted. */
  readonly mountLabel?: string | undefined;
  /** The networks of an ordinary user that it is on. */
  readonly holder?: HolderPlace;
  readonly nics?: NicPlans;
  readonly intelRdt?: IntelRdtPlan;
  /** What is written down of its networks. */
  readonly networks?: ContainerNetworks;
  readonly cgroup: CgroupPlan | undefined;
  /** Where other processes find the container; undefined: nobody does. */
  readonly record?: RecordPlan | undefined;
  /** The caller may make device nodes: privileged and in the initial user namespace. */
  readonly mayMakeNodes: boolean;
}
