/** Words that people use for ours: the kernel's own in /proc/PID/ns, other tools' options. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ["net", "network"],
  ["mnt", "mount"],
  ["cgroups", "cgroup"],
  ["pids", "pid"],
  ["users", "user"],
  ["rootfs", "root"],
  ["readonly", "readonlyRoot"],
  ["workdir", "cwd"],
  ["command", "args"],
  ["target", "destination"],
  ["tty", "terminal"],
]);

/** The one of `known` that was probably meant by `word`. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const alias = ALIASES.get(word.toLowerCase());
  if (alias !== undefined && known.includes(alias)) return alias;
  // "NOFILE" for RLIMIT_NOFILE, "allow" for SCMP_ACT_ALLOW
  const longer = known.find((candidate) => candidate.endsWith(`_${word.toUpperCase()}`));
  if (longer !== undefined) return longer;
  let best: string | undefined;
  let least = word.length < 4 ? Math.min(2, word.length) : Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const changes = distance(word.toLowerCase(), candidate.toLowerCase(), least);
    if (changes < least) [best, least] = [candidate, changes];
  }
  return best;
}

/** "did you mean ...?", or all that is known when nothing is near. */
export function suggest(word: unknown, known: readonly string[]): string {
  const near = typeof word === "string" ? nearest(word, known) : undefined;
  return near === undefined ? `known: ${known.join(", ")}` : `did you mean ${JSON.stringify(near)}?`;
}

/** How many characters must be put in, left out or changed to make `b` of `a`; `limit` when it is that or more. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return Math.min(row[b.length] ?? limit, limit);
}
