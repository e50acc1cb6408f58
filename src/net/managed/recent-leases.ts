/**
 * Leases that containers without a name have had from this process. The next one gets one of these again if it is free: then all of its program is as it was, and
 * need not be made anew.
 */
interface RecentLease {
  readonly lease: number;
  /** It is promised to a start that is under way, of which the network's files say nothing yet. */
  promised: boolean;
}

const recent = new Map<string, readonly RecentLease[]>();

/** As many containers at the same time keep their programs. */
const MOST_RECENT = 8;

/** Those of a network's directory that may be free. */
export const recentLeases = (directory: string): readonly number[] =>
  (recent.get(directory) ?? []).filter(({ promised }) => !promised).map(({ lease }) => lease);

/** Gives what is to be called when the container stands, or has failed. */
export function promiseLease(directory: string, lease: number): () => void {
  const known = recent.get(directory) ?? [];
  const one = known.find((each) => each.lease === lease) ?? { lease, promised: false };
  one.promised = true;
  recent.set(directory, [one, ...known.filter((each) => each !== one)].slice(0, MOST_RECENT));
  return () => {
    one.promised = false;
  };
}
