import { readFileSync, readlinkSync } from "node:fs";
import { subordinateIds } from "./subordinate-ids.ts";

export interface IdRange {
  readonly start: number;
  readonly count: number;
}

/** Who runs this application, as far as it decides what containers it can make. */
export interface Caller {
  readonly uid: number;
  readonly gid: number;
  /** Has CAP_SYS_ADMIN, CAP_SETUID and CAP_SETGID in its user namespace: needs no new one. */
  readonly privileged: boolean;
  readonly initialUserNamespace: boolean;
  /** The ids that exist here: all of them, or in a user namespace those that it maps. */
  readonly ids: { readonly uid: readonly IdRange[]; readonly gid: readonly IdRange[] };
  /** False in a user namespace that has given up setgroups(2), and then in all below it. */
  readonly maySetgroups: boolean;
  readonly subordinate: {
    readonly uid: readonly IdRange[];
    readonly gid: readonly IdRange[];
  };
}

const CAP_SETGID = 1n << 6n;
const CAP_SETUID = 1n << 7n;
const CAP_SYS_ADMIN = 1n << 21n;
const NEEDED = CAP_SETGID | CAP_SETUID | CAP_SYS_ADMIN;

/** PROC_USER_INIT_INO: the same on every kernel since 3.8. A map of all ids does not tell, since an inner namespace may have it too. */
const INITIAL_USER_NAMESPACE = "user:[4026531837]";

export const inInitialUserNamespace = (): boolean => readlinkSync("/proc/self/ns/user") === INITIAL_USER_NAMESPACE;

export function readCaller(): Caller {
  const uid = process.geteuid?.() ?? 0;
  const gid = process.getegid?.() ?? 0;
  const status = readFileSync("/proc/self/status", "utf8");
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  const privileged = (effective & NEEDED) === NEEDED;
  return {
    uid,
    gid,
    privileged,
    initialUserNamespace: inInitialUserNamespace(),
    maySetgroups: readFileSync("/proc/self/setgroups", "utf8").trim() === "allow",
    ids: { uid: mappedIds("/proc/self/uid_map"), gid: mappedIds("/proc/self/gid_map") },
    subordinate: privileged
      ? { uid: [], gid: [] }
      : { uid: subordinateIds("/etc/subuid", uid), gid: subordinateIds("/etc/subgid", uid) },
  };
}

/** Lines of: first id inside, first id outside, count (user_namespaces(7)). */
function mappedIds(file: string): readonly IdRange[] {
  const lines = readFileSync(file, "utf8").trim().split("\n");
  return lines.map((line) => {
    const [start = 0, , count = 0] = line.trim().split(/\s+/).map(Number);
    return { start, count };
  });
}
