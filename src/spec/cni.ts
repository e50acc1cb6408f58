import type { NicCommon } from "./nic-types.ts";

/** A JSON object whose members only the plugins know. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** What one plugin is configured with (CNI specification, section 1): `type` names its executable file. */
export type CniPlugin = JsonObject & {
  readonly type: string;
  /** Names of what it takes of the container, such as `portMappings`. */
  readonly capabilities?: Readonly<Record<string, boolean>>;
};

/** A network configuration list, as in a file "*.conflist". */
export interface CniNetworkList {
  readonly cniVersion?: string;
  readonly name: string;
  readonly disableCheck?: boolean | string;
  readonly plugins: readonly CniPlugin[];
}

/** A port of the host's that leads to one of the container's. */
export interface CniPortMapping {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol?: "tcp" | "udp" | "sctp";
  readonly hostIP?: string;
}

/** Bits per second, and bits. */
export interface CniBandwidth {
  readonly ingressRate?: number;
  readonly ingressBurst?: number;
  readonly egressRate?: number;
  readonly egressBurst?: number;
}

/** What a plugin is given of the container when its configuration asks for it (CNI's CONVENTIONS.md, "Dynamic Plugin specific fields"). */
export interface CniCapabilities {
  readonly portMappings?: readonly CniPortMapping[];
  readonly bandwidth?: CniBandwidth;
  readonly mac?: string;
  /** Addresses with their prefix lengths. */
  readonly ips?: readonly string[];
  readonly dns?: {
    readonly servers?: readonly string[];
    readonly searches?: readonly string[];
    readonly options?: readonly string[];
  };
  readonly aliases?: readonly string[];
  /** Any other capability that a plugin knows. */
  readonly [name: string]: unknown;
}

/** An interface that plugins of the Container Network Interface make (https://www.cni.dev). They are executed by the container's monitor, with its rights. */
export interface CniNic extends NicCommon {
  readonly type: "cni";
  /** The name of a network in `confDirs`, or the network itself. */
  readonly network: string | CniNetworkList | (CniPlugin & { readonly name: string; readonly cniVersion?: string });
  /** CNI_ARGS */
  readonly args?: Readonly<Record<string, string>>;
  readonly capabilities?: CniCapabilities;
  /** Where configurations are. Default: /etc/cni/net.d */
  readonly confDirs?: readonly string[];
  /** Where plugins are. Default: those of CNI_PATH, else /opt/cni/bin, /usr/lib/cni, /usr/libexec/cni */
  readonly pluginDirs?: readonly string[];
  /** Variables of the plugins' environment besides PATH and those of CNI. */
  readonly env?: Readonly<Record<string, string>>;
  /** Seconds after which a plugin is killed. Default: 60 */
  readonly timeout?: number;
}
