/** The executor's process and our end of its control socket. */
export interface Channel {
  readonly pid: number;
  write(bytes: Uint8Array): void;
  /** Whether the application stays alive for what may still come. */
  hold(alive: boolean): void;
  /** Ends the socket, and resolves when the process has ended too. */
  close(): Promise<void>;
}

/** What happens on it. */
export interface ChannelListener {
  data(chunk: Uint8Array): void;
  /** Nothing more comes. May be told several times. */
  ended(message: string, cause?: unknown): void;
}

/** Executes a file with these descriptors of ours as 3, 4, ... and a socket behind them. */
export type OpenChannel = (path: string, listener: ChannelListener, passed: readonly number[]) => Channel;
