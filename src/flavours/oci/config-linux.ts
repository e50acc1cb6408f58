import type { MemoryPolicy, NamespaceType, Seccomp } from "../../spec/index.ts";
import type { Int, OciIdMapping } from "./config.ts";

/**
 * config.json's member `linux`.
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config-linux.md
 */
export interface OciLinux {
  readonly namespaces?: readonly OciNamespace[];
  readonly uidMappings?: readonly OciIdMapping[];
  readonly gidMappings?: readonly OciIdMapping[];
  readonly timeOffsets?: Readonly<Record<string, OciTimeOffset>>;
  readonly devices?: readonly OciDevice[];
  readonly netDevices?: Readonly<Record<string, { readonly name?: string }>>;
  readonly cgroupsPath?: string;
  readonly resources?: OciResources;
  readonly intelRdt?: OciIntelRdt;
  readonly memoryPolicy?: OciMemoryPolicy;
  readonly sysctl?: Readonly<Record<string, string>>;
  /** An empty object is no profile. */
  readonly seccomp?: Seccomp | Readonly<Record<never, never>>;
  readonly rootfsPropagation?: string;
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  readonly mountLabel?: string;
  readonly personality?: { readonly domain: string; readonly flags?: readonly string[] };
}

export interface OciNamespace {
  readonly type: NamespaceType;
  readonly path?: string;
}

export interface OciTimeOffset {
  readonly secs?: number;
  readonly nanosecs?: number;
}

export interface OciDevice {
  readonly type: "c" | "b" | "u" | "p";
  readonly path: string;
  readonly major?: number;
  readonly minor?: number;
  /** Some writers leave the bits of the type in it. */
  readonly fileMode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export interface OciIntelRdt {
  readonly closID?: string;
  readonly schemata?: readonly string[];
  readonly l3CacheSchema?: string;
  readonly memBwSchema?: string;
  readonly enableMonitoring?: boolean;
  /** Of the versions before 1.3. */
  readonly enableCMT?: boolean;
  readonly enableMBM?: boolean;
}

export interface OciMemoryPolicy {
  readonly mode: MemoryPolicy["mode"];
  readonly nodes?: string;
  readonly flags?: NonNullable<MemoryPolicy["flags"]>;
}

export interface OciDeviceRule {
  readonly allow: boolean;
  readonly type?: "a" | "c" | "b" | "";
  readonly major?: number;
  readonly minor?: number;
  readonly access?: string;
}

export interface OciWeightDevice {
  readonly major: number;
  readonly minor: number;
  readonly weight?: number;
  readonly leafWeight?: number;
}

export interface OciThrottleDevice {
  readonly major: number;
  readonly minor: number;
  readonly rate: Int;
}

/** linux.resources. Zero mostly stands for "not said", as programs in Go write it so. */
export interface OciResources {
  readonly devices?: readonly OciDeviceRule[];
  readonly memory?: {
    readonly limit?: Int;
    readonly reservation?: Int;
    readonly swap?: Int;
    readonly kernel?: Int;
    readonly kernelTCP?: Int;
    readonly swappiness?: Int;
    readonly disableOOMKiller?: boolean;
    readonly useHierarchy?: boolean;
    readonly checkBeforeUpdate?: boolean;
  };
  readonly cpu?: {
    readonly shares?: Int;
    readonly quota?: Int;
    readonly burst?: Int;
    readonly period?: Int;
    readonly realtimeRuntime?: Int;
    readonly realtimePeriod?: Int;
    readonly cpus?: string;
    readonly mems?: string;
    readonly idle?: Int;
  };
  readonly pids?: { readonly limit?: Int };
  readonly blockIO?: {
    readonly weight?: number;
    readonly leafWeight?: number;
    readonly weightDevice?: readonly OciWeightDevice[];
    readonly throttleReadBpsDevice?: readonly OciThrottleDevice[];
    readonly throttleWriteBpsDevice?: readonly OciThrottleDevice[];
    readonly throttleReadIOPSDevice?: readonly OciThrottleDevice[];
    readonly throttleWriteIOPSDevice?: readonly OciThrottleDevice[];
  };
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limit: Int }[];
  readonly network?: {
    readonly classID?: number;
    readonly priorities?: readonly { readonly name: string; readonly priority: number }[];
  };
  readonly rdma?: Readonly<Record<string, { readonly hcaHandles?: number; readonly hcaObjects?: number }>>;
  readonly unified?: Readonly<Record<string, string>>;
}
