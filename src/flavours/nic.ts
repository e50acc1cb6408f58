export interface NicRoute {
  /** "default", or an address with a prefix. */
  readonly to: string;
  readonly via?: string;
}

/** An interface of a container, whatever makes it. */
export interface Nic {
  readonly type: string;
  readonly master?: string;
  readonly mode?: string;
  readonly id?: number;
  readonly mac?: string;
  readonly mtu?: number;
  readonly addresses?: readonly string[];
  readonly routes?: readonly NicRoute[];
}

export const NO_NETWORK: Readonly<Record<string, Nic>> = {};
