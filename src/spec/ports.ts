/** A port of the host's whose traffic goes to a container. */
export interface PublishedPort {
  readonly containerPort: number;
  /** Default: a free one that libct chooses; `inspect` tells it. */
  readonly hostPort?: number;
  /** An address of the host's. Default: all of them */
  readonly hostIP?: string;
  /** Default: "tcp" */
  readonly protocol?: "tcp" | "udp" | "sctp";
  /** How many ports, one after the other on both sides. Default: 1 */
  readonly range?: number;
}

/** What a container has got of managed networks. */
export interface ContainerNetworks {
  readonly interfaces: readonly {
    /** Its name in the container. */
    readonly name: string;
    readonly network: string;
    /** "10.201.0.5/24" */
    readonly addresses: readonly string[];
  }[];
  /** With the ports of the host that were chosen. */
  readonly ports: readonly PublishedPort[];
}

/** What the container's resolver is told (resolv.conf(5)). */
export interface Dns {
  readonly servers?: readonly string[];
  readonly search?: readonly string[];
  readonly options?: readonly string[];
}
