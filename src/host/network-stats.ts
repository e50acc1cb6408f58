import { readFileSync } from "node:fs";
import { identify, type ProcessIdentity } from "../records/index.ts";

/** What has gone one way through an interface since it was made. */
export interface Traffic {
  readonly bytes: number;
  readonly packets: number;
  readonly errors: number;
  readonly dropped: number;
}

/** Received and sent, as the container sees it. */
export interface InterfaceStats {
  readonly rx: Traffic;
  readonly tx: Traffic;
}

export type NetworkStats = Readonly<Record<string, InterfaceStats>>;

/** The interfaces of the network namespace that a process is in; undefined when it has ended. The loopback's traffic is nobody's. */
export function readNetworkStats({ pid, startTime }: ProcessIdentity): NetworkStats | undefined {
  const text = readIfThere(`/proc/${pid}/net/dev`);
  // The pid may have been another process's by then.
  return text === undefined || identify(pid)?.startTime !== startTime ? undefined : parseNetworkStats(text);
}

/** proc_pid_net(5), "/proc/net/dev": two lines of titles, then a line for each interface. */
export function parseNetworkStats(text: string): NetworkStats {
  const stats: Record<string, InterfaceStats> = {};
  for (const line of text.split("\n").slice(2)) {
    // A name may hold anything but blanks, slashes and colons, and the first number may follow the colon at once.
    const match = /^\s*([^\s:]+):(.*)$/.exec(line);
    const name = match?.[1];
    if (name === undefined || name === "lo") continue;
    const numbers = (match?.[2] ?? "").trim().split(/\s+/).map(Number);
    stats[name] = { rx: traffic(numbers, RECEIVED), tx: traffic(numbers, SENT) };
  }
  return stats;
}

/** Columns. */
const RECEIVED = 0;
const SENT = 8;

const traffic = (numbers: readonly number[], from: number): Traffic => {
  const [bytes = 0, packets = 0, errors = 0, dropped = 0] = numbers.slice(from);
  return { bytes, packets, errors, dropped };
};

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // It has ended: a process that is gone has no network, whatever the kernel says of it.
  }
}
