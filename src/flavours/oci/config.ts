import type { Hook, IOPriority, Scheduler } from "../../spec/index.ts";
import type { OciLinux } from "./config-linux.ts";

/** A whole number; a bigint where a number cannot hold it exactly. */
export type Int = number | bigint;

/**
 * config.json of the OCI runtime-spec 1.3, as far as Linux is concerned: what is for other platforms (windows, solaris, vm, zos, freebsd) is not looked at, nor are
 * members that no version of the specification has ("Extensibility" in config.md).
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config.md
 */
export interface OciConfig {
  readonly ociVersion: string;
  readonly root: OciRoot;
  readonly mounts?: readonly OciMount[];
  /** Needed by `start` only. */
  readonly process?: OciProcess;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly linux?: OciLinux;
  readonly hooks?: OciHooks;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface OciRoot {
  /** Absolute, or from the bundle on. */
  readonly path: string;
  readonly readonly?: boolean;
}

export interface OciIdMapping {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

export interface OciMount {
  readonly destination: string;
  readonly type?: string;
  readonly source?: string;
  readonly options?: readonly string[];
  readonly uidMappings?: readonly OciIdMapping[];
  readonly gidMappings?: readonly OciIdMapping[];
}

export interface OciUser {
  readonly uid?: number;
  readonly gid?: number;
  readonly additionalGids?: readonly number[];
  readonly umask?: number;
}

export interface OciCapabilities {
  readonly bounding?: readonly string[];
  readonly effective?: readonly string[];
  readonly permitted?: readonly string[];
  readonly inheritable?: readonly string[];
  readonly ambient?: readonly string[];
}

export interface OciRlimit {
  readonly type: string;
  readonly soft: Int;
  readonly hard: Int;
}

export interface OciProcess {
  readonly cwd: string;
  readonly args?: readonly string[];
  /** NAME=value */
  readonly env?: readonly string[];
  readonly terminal?: boolean;
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly user?: OciUser;
  readonly capabilities?: OciCapabilities;
  readonly rlimits?: readonly OciRlimit[];
  readonly noNewPrivileges?: boolean;
  readonly apparmorProfile?: string;
  readonly selinuxLabel?: string;
  readonly oomScoreAdj?: number;
  readonly scheduler?: Scheduler;
  readonly ioPriority?: IOPriority;
  readonly execCPUAffinity?: { readonly initial?: string; readonly final?: string };
}

export interface OciHook {
  readonly path: string;
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  readonly timeout?: NonNullable<Hook["timeout"]>;
}

export interface OciHooks {
  readonly prestart?: readonly OciHook[];
  readonly createRuntime?: readonly OciHook[];
  readonly createContainer?: readonly OciHook[];
  readonly startContainer?: readonly OciHook[];
  readonly poststart?: readonly OciHook[];
  readonly poststop?: readonly OciHook[];
}
