/** Stable codes of LibctError; docs/errors.md explains each. */
export type ErrorCode =
  | "ERR_CT_INVALID_SPEC"
  | "ERR_CT_NOT_SUPPORTED"
  | "ERR_CT_NOT_PERMITTED"
  | "ERR_CT_SYSCALL"
  | "ERR_CT_COMMAND_NOT_FOUND"
  | "ERR_CT_COMMAND_NOT_EXECUTABLE"
  | "ERR_CT_EXECUTOR"
  | "ERR_CT_SYSTEMD"
  | "ERR_CT_STATE"
  | "ERR_CT_NAME_IN_USE"
  | "ERR_CT_NO_SUCH_CONTAINER"
  | "ERR_CT_NO_SUCH_NETWORK"
  | "ERR_CT_USAGE"
  | "ERR_CT_HOOK"
  | "ERR_CT_LAYER"
  | "ERR_CT_IMAGE"
  | "ERR_CT_DIGEST"
  | "ERR_CT_NO_SUCH_IMAGE"
  | "ERR_CT_REGISTRY"
  | "ERR_CT_UNAUTHORIZED"
  | "ERR_CT_STORE"
  | "ERR_CT_LAYER"
  | "ERR_CT_CNI"
  | "ERR_CT_ABORTED";

export interface ErrorDetails {
  readonly syscall?: string | undefined;
  /** Kernel error name such as "EPERM". */
  readonly errno?: string | undefined;
  readonly path?: string | undefined;
  /** Spec member that caused it, such as "mounts[3].source". */
  readonly member?: string | undefined;
  /** What the user can do about it. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** The one class of errors that libct throws. The message is one line that says what failed, where and why. */
export class LibctError extends Error {
  override readonly name = "LibctError";
  readonly code: ErrorCode;
  readonly syscall: string | undefined;
  readonly errno: string | undefined;
  readonly path: string | undefined;
  readonly member: string | undefined;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    const where = details.member ? ` (${details.member})` : "";
    const hint = details.hint ? `; hint: ${details.hint}` : "";
    super(`${message}${where}${hint}`, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.syscall = details.syscall;
    this.errno = details.errno;
    this.path = details.path;
    this.member = details.member;
    this.hint = details.hint;
  }

  toJSON(): Readonly<Record<string, unknown>> {
    const { code, message, syscall, errno, path, member, hint } = this;
    return { code, message, syscall, errno, path, member, hint };
  }
}

/** A bad value in what the caller gave: member, value, what was expected. */
export function invalid(member: string, value: unknown, expected: string, hint?: string): LibctError {
  return new LibctError("ERR_CT_INVALID_SPEC", `invalid value ${show(value)}: expected ${expected}`, { member, hint });
}

function show(value: unknown): string {
  // Not node:util's inspect: to load it takes longer than many a command.
  const text = typeof value === "object" || typeof value === "string" ? json(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function json(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return String(value); // A cycle, or a bigint in it.
  }
}

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

/** Who can write to a state directory can make a container do what he likes. */
export const changedByOthers = (path: string, uid: number): LibctError =>
  new LibctError("ERR_CT_NOT_PERMITTED", `the state directory ${path} can be changed by others`, {
    path,
    hint: `it must belong to the user ${uid}, and nobody else may write to it (chmod go-w)`,
  });

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
