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

/** What the container's resolver is told (resolv.conf(5)). */
export interface Dns {
  readonly servers?: readonly string[];
  readonly search?: readonly string[];
  readonly options?: readonly string[];
}
