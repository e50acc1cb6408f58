import type { CgroupPlan } from "../cgroup/index.ts";
import type { Arch, KernelFeatures } from "../linux/index.ts";
import type {
  ContainerSpec,
  IdMapping,
  Mount,
  MountOptions,
  MountTree,
  NamespaceType,
  ProcessSpec,
  RootPlan,
  User,
} from "../spec/index.ts";

export type Stdio = "pipe" | "inherit" | "ignore";

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

/**
 * Everything that the compiler needs to know: the spec, and what was looked up on the machine for it. The compiler itself looks at nothing,
 * so the same value gives the same program anywhere.
 */
export interface Resolved {
  readonly arch: Arch;
  readonly features: KernelFeatures;
  readonly spec: ContainerSpec;
  readonly process: ProcessSpec;
  readonly created: ReadonlySet<NamespaceType>;
  readonly joined: ReadonlyMap<NamespaceType, string>;
  /** Maps of a new user namespace. */
  readonly idMaps: IdMaps | undefined;
  readonly rootMode: "pivot" | "move" | "chroot";
  readonly root: RootPlan | undefined;
  readonly mounts: readonly ResolvedMount[];
  readonly cgroup: CgroupPlan | undefined;
  /** Ids, or a name that the container's own passwd must explain; undefined: unchanged. */
  readonly user: User | string | undefined;
  /** The assembled seccomp filter. */
  readonly seccomp: { readonly filter: Uint8Array; readonly flags: number } | undefined;
  readonly stdin: Stdio;
  readonly stdout: Stdio;
  readonly stderr: Stdio;
  /** The caller may make device nodes: privileged and in the initial user namespace. */
  readonly mayMakeNodes: boolean;
}
