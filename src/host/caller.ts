import { readFileSync } from "node:fs";
import { subordinateIds } from "./subordinate-ids.ts";

/** Who runs this application, as far as it decides what containers it can make. */
export interface Caller {
  readonly uid: number;
  readonly gid: number;
  /** Has CAP_SYS_ADMIN, CAP_SETUID and CAP_SETGID in its user namespace: needs no new one. */
  readonly privileged: boolean;
  /** In the initial user namespace, as far as the map tells. */
  readonly initialUserNamespace: boolean;
  readonly subordinate: {
    readonly uid: readonly { readonly start: number; readonly count: number }[];
    readonly gid: readonly { readonly start: number; readonly count: number }[];
  };
}

const CAP_SETGID = 1n << 6n;
const CAP_SETUID = 1n << 7n;
const CAP_SYS_ADMIN = 1n << 21n;
const NEEDED = CAP_SETGID | CAP_SETUID | CAP_SYS_ADMIN;

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
    initialUserNamespace: /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync("/proc/self/uid_map", "utf8")),
    subordinate: privileged
      ? { uid: [], gid: [] }
      : { uid: subordinateIds("/etc/subuid", uid), gid: subordinateIds("/etc/subgid", uid) },
  };
}
