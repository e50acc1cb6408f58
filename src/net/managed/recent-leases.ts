/**
 * Leases that containers without a name have had from this process. They get these in turns, as long as they are free: then all of a program is as it was, and
 * need not be made anew. The longest unused one comes first, since the kernel takes some time to remove the network of a container that has ended, which may
 * answer until then.
 */
interface RecentLease {
  readonly lease: number;
  /** It is promised to a start that is under way, of which the network's files say nothing yet. */
  promised: boolean;
}

const recent = new Map<string, readonly RecentLease[]>();

/** How many take turns. Host keeps twice as many programs. */
export const MOST_RECENT_LEASES = 8;

/** Those of a network's directory that may be free; none before there are enough. */
export function recentLeases(directory: string): readonly number[] {
  const known = recent.get(directory) ?? [];
  if (known.length < MOST_RECENT_LEASES) return [];
  return known.flatMap(({ lease, promised }) => (promised ? [] : [lease])).reverse();
}

/** Gives what is to be called when the container stands, or has failed. */
export function promiseLease(directory: string, lease: number): () => void {
  const known = recent.get(directory) ?? [];
  const one = known.find((each) => each.lease === lease) ?? { lease, promised: false };
  one.promised = true;
  recent.set(directory, [one, ...known.filter((each) => each !== one)].slice(0, MOST_RECENT_LEASES));
  return () => {
    one.promised = false;
  };
}
