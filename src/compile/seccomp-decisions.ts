import { type Condition, type Rule, SECCOMP_RET } from "./seccomp-rules.ts";

/** A result that depends on arguments. */
export interface Alternative {
  readonly conditions: readonly Condition[];
  readonly result: number;
}

/** What the filter does for one system call: the first alternative that holds, or else `otherwise`. */
export interface Decision {
  readonly alternatives: readonly Alternative[];
  readonly otherwise: number;
}

interface Draft {
  unconditional: number | undefined;
  readonly alternatives: Alternative[];
}

/**
 * i386 has one call, `socketcall`, for all socket calls and one, `ipc`, for all System V IPC; which one is meant stands in
 * the first argument. Programs use them to this day (glibc of most distributions), beside the direct calls of Linux 4.3 and
 * 5.1, so a rule for `bind` must hold for `socketcall(SYS_BIND)` too. Numbers: <linux/net.h> and <linux/ipc.h>.
 */
const multiplexers: readonly { readonly name: string; readonly mask: number; readonly calls: readonly string[] }[] = [
  {
    name: "socketcall",
    mask: 0xffff_ffff,
    calls: (
      "1:socket 2:bind 3:connect 4:listen 5:accept 6:getsockname 7:getpeername 8:socketpair 9:send 10:recv 11:sendto " +
      "12:recvfrom 13:shutdown 14:setsockopt 15:getsockopt 16:sendmsg 17:recvmsg 18:accept4 19:recvmmsg 20:sendmmsg"
    ).split(" "),
  },
  {
    name: "ipc",
    // The upper half of the first argument is a version (ipc/syscall.c).
    mask: 0xffff,
    calls:
      "1:semop 2:semget 3:semctl 4:semtimedop 11:msgsnd 12:msgrcv 13:msgget 14:msgctl 21:shmat 22:shmdt 23:shmget 24:shmctl".split(
        " ",
      ),
  },
];

interface Multiplexed {
  readonly multiplexer: string;
  readonly conditions: readonly Condition[];
}

let multiplexedCalls: ReadonlyMap<string, Multiplexed> | undefined;

function multiplexed(name: string): Multiplexed | undefined {
  multiplexedCalls ??= new Map(
    multiplexers.flatMap((multiplexer) =>
      multiplexer.calls.map((entry): [string, Multiplexed] => {
        const [call = "", directName = ""] = entry.split(":");
        const condition: Condition = {
          index: 0,
          test: "equal",
          negated: false,
          maskHigh: 0,
          maskLow: multiplexer.mask,
          high: 0,
          low: Number(call),
        };
        return [directName, { multiplexer: multiplexer.name, conditions: [condition] }];
      }),
    ),
  );
  return multiplexedCalls.get(name);
}

function isMultiplexer(name: string): boolean {
  return multiplexers.some((multiplexer) => multiplexer.name === name);
}

function isPermissive(result: number): boolean {
  return result === SECCOMP_RET.allow || result === SECCOMP_RET.log;
}

class Drafts {
  readonly byName = new Map<string, Draft>();

  add(name: string, result: number, alternatives: Rule["alternatives"]): void {
    let draft = this.byName.get(name);
    if (draft === undefined) {
      draft = { unconditional: undefined, alternatives: [] };
      this.byName.set(name, draft);
    }
    if (alternatives.length === 0) draft.unconditional ??= result;
    for (const conditions of alternatives) draft.alternatives.push({ conditions, result });
  }
}

/**
 * What the filter does for each name in the rules. A rule without conditions outweighs all rules with conditions for the
 * same call, as in libseccomp; among several of a kind, the earlier one counts.
 *
 * Equal decisions are one object.
 */
export class Decisions {
  readonly #default: number;
  readonly #unconditional = new Map<number, Decision>();
  readonly #conditional = new Map<string, Decision>();
  readonly #direct: ReadonlyMap<string, Decision>;
  readonly #multiplexed: ReadonlyMap<string, Decision>;

  constructor(rules: readonly Rule[], defaultResult: number) {
    this.#default = defaultResult;
    const direct = new Drafts();
    const viaMultiplexer = new Drafts();
    for (const { names, result, alternatives } of rules) {
      for (const name of names) {
        direct.add(name, result, alternatives);
        if (isMultiplexer(name)) viaMultiplexer.add(name, result, alternatives);
        const call = multiplexed(name);
        // The arguments of a multiplexed call lie in memory, where a filter cannot look. What is allowed on a condition
        // is thus not allowed there, and what is refused on a condition is always refused.
        if (call !== undefined && !(alternatives.length > 0 && isPermissive(result))) {
          viaMultiplexer.add(call.multiplexer, result, [call.conditions]);
        }
      }
    }
    this.#direct = this.#finish(direct);
    this.#multiplexed = this.#finish(viaMultiplexer);
  }

  /** The decision which does not depend on arguments. */
  always(result: number): Decision {
    let decision = this.#unconditional.get(result);
    if (decision === undefined) {
      decision = { alternatives: [], otherwise: result };
      this.#unconditional.set(result, decision);
    }
    return decision;
  }

  /** The decision for a call of an ABI that has multiplexers, or of one that has none; undefined when no rule names it. */
  find(name: string, multiplexes: boolean): Decision | undefined {
    return (multiplexes ? this.#multiplexed.get(name) : undefined) ?? this.#direct.get(name);
  }

  #finish(drafts: Drafts): ReadonlyMap<string, Decision> {
    const decisions = new Map<string, Decision>();
    for (const [name, { unconditional, alternatives }] of drafts.byName) {
      decisions.set(name, unconditional === undefined ? this.#depending(alternatives) : this.always(unconditional));
    }
    return decisions;
  }

  #depending(alternatives: readonly Alternative[]): Decision {
    const key = JSON.stringify(alternatives);
    let decision = this.#conditional.get(key);
    if (decision === undefined) {
      decision = { alternatives, otherwise: this.#default };
      this.#conditional.set(key, decision);
    }
    return decision;
  }
}
