/** A port of the host's that leads to one of the container's; `range` of them when there are several in a row. */
export interface UserModePort {
  /** An address of the host. Default: all of them */
  readonly hostIP?: string;
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: "tcp" | "udp";
  readonly range: number;
}
