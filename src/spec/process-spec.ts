import type { CPUAffinity, IOPriority, Scheduler } from "./scheduling.ts";

export interface User {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids?: readonly number[];
  readonly umask?: number;
}

/** The five sets of capabilities(7). */
export interface CapabilitySets {
  readonly bounding?: readonly string[];
  readonly effective?: readonly string[];
  readonly permitted?: readonly string[];
  readonly inheritable?: readonly string[];
  readonly ambient?: readonly string[];
}

export interface Rlimit {
  /** RLIMIT_NOFILE ... */
  readonly type: string;
  /** -1: unlimited */
  readonly soft: number;
  readonly hard: number;
}

/** Restrictions by landlock(7): everything that is not listed is refused. Paths are the container's. */
export interface Landlock {
  readonly readOnly?: readonly string[];
  readonly readWrite?: readonly string[];
  /** Refuse binding and connecting TCP ports other than these (ABI 4). */
  readonly bindTcp?: readonly number[];
  readonly connectTcp?: readonly number[];
}

/** personality(2) in the form of the runtime-spec, which has no flags so far. */
export interface Personality {
  readonly domain: "LINUX" | "LINUX32";
  readonly flags?: readonly never[];
}

/** A process in a container: what is executed, as whom, and with which rights. */
export interface ProcessSpec {
  readonly args: readonly string[];
  /** Default: the empty environment with a PATH. */
  readonly env?: Readonly<Record<string, string>>;
  /** HOME is what the container's own passwd says of the user, or "/", unless `env` has one. */
  readonly homeFromPasswd?: boolean;
  /** Working directory in the container. Default: "/", or unchanged when the container has no root of its own. */
  readonly cwd?: string;
  /** Of a container's first process: a working directory that is missing is made, as root's. */
  readonly makeCwd?: boolean;
  /** Ids, or a name ("www-data", "1000:100", "app:staff") looked up in the container's own passwd and group. */
  readonly user?: User | string;
  /** Default: as inherited. */
  readonly capabilities?: CapabilitySets;
  readonly noNewPrivileges?: boolean;
  readonly rlimits?: readonly Rlimit[];
  /** -1000 to 1000 */
  readonly oomScoreAdj?: number;
  readonly apparmorProfile?: string;
  readonly selinuxLabel?: string;
  readonly landlock?: Landlock;
  /** A new session keyring (keyctl(2), KEYCTL_JOIN_SESSION_KEYRING). */
  readonly newSessionKeyring?: boolean;
  readonly personality?: Personality["domain"] | Personality;
  /** A pseudo-terminal as its stdin, stdout and stderr. */
  readonly terminal?: boolean;
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly scheduler?: Scheduler;
  readonly ioPriority?: IOPriority;
  /** Of a process that enters a running container. */
  readonly execCPUAffinity?: CPUAffinity;
}
