/** Ports that were published while the container ran: each has a directory with the way to take it away again, beside the leases of its network. */
import { readdirSync } from "node:fs";
import type { PublishedPort } from "../../spec/index.ts";

const DIRECTORY = "published";

/** One of them. */
export interface PublishedLater {
  readonly directory: string;
  /** A transaction of nf_tables, which is there until it has been sent. */
  readonly undo: string;
  /** The container's first process, and the lease that the port leads to. */
  readonly pid: number;
  readonly startTime: number;
  readonly lease: number;
  readonly protocol: string;
  readonly hostPort: number;
  readonly hostIP: string | undefined;
}

interface Owner {
  readonly pid: number;
  readonly startTime: number;
}

/** In the directory of a network that is in use. */
export function publishedDirectory(
  network: string,
  { pid, startTime }: Owner,
  lease: number,
  { protocol = "tcp", hostPort, hostIP = ANY }: PublishedPort & { readonly hostPort: number },
): string {
  return `${network}/${DIRECTORY}/${pid}-${startTime}-${lease}-${protocol}-${hostPort}-${hostIP}`;
}

export const publishedUndo = (directory: string): string => `${directory}/undo`;

const ANY = "any";
const NAME = /^(\d+)-(\d+)-(\d+)-(tcp|udp|sctp)-(\d+)-(.+)$/;

/** Whoever has published them may be dead. */
export function publishedLater(network: string): readonly PublishedLater[] {
  return namesIn(`${network}/${DIRECTORY}`).flatMap((name): PublishedLater[] => {
    const [, pid, startTime, lease, protocol, hostPort, hostIP] = NAME.exec(name) ?? [];
    if (protocol === undefined) return [];
    const directory = `${network}/${DIRECTORY}/${name}`;
    return [
      {
        directory,
        undo: publishedUndo(directory),
        pid: Number(pid),
        startTime: Number(startTime),
        lease: Number(lease),
        protocol,
        hostPort: Number(hostPort),
        hostIP: hostIP === ANY ? undefined : hostIP,
      },
    ];
  });
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
