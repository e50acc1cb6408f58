import { E, O, u64s } from "../linux/index.ts";
import type { BlockBuilder, DataRef } from "../program/index.ts";
import { writeProc } from "./context.ts";
import { rlimitBytes, rlimitNumber, setNames, sysctlFile } from "./limits.ts";
import type { ChangeContext, LiveChange, Steps } from "./live-steps.ts";

type Change<K extends LiveChange["do"]> = Extract<LiveChange, { do: K }>;

export const namesChange = (_: ChangeContext, { names }: Change<"setNames">): Steps => ({
  attempts: [{ act: ({ init }) => setNames(init, names) }],
});

/** A kernel parameter's value is at most a page (proc_sys(5)). */
const VALUE = 4096;

/** All are set, or none: the old values are read first. */
export function sysctlChange(c: ChangeContext, { values }: Change<"setSysctl">): Steps {
  const entries = Object.entries(values).map(([name, value]) => {
    const { memory } = c.program;
    return {
      member: `sysctl.${name}`,
      file: sysctlFile(name),
      value,
      old: memory.zeroed(VALUE),
      length: memory.zeroed(8),
    };
  });
  const open = (block: BlockBuilder, file: string, flags: number) =>
    block.sys("openat", [c.proc, block.str(file), flags | O.CLOEXEC, 0], { dst: c.program.register("file") });
  const [file, length] = [c.program.register("file"), c.program.register("length")];
  return {
    prepare(block) {
      for (const one of entries) {
        block.at(one.member);
        open(block, one.file, O.RDONLY);
        block.sys("read", [file, one.old, VALUE], { dst: length, tolerate: "any", why: "read the old value" });
        block.store(one.length, length, 8);
        block.sys("close", [file]);
      }
    },
    attempts: [
      {
        act({ init, proc }) {
          for (const one of entries) writeProc(init.at(one.member), proc, one.file, one.value, `set ${one.member}`);
        },
        undo(block) {
          for (const one of entries) {
            block.at(one.member);
            open(block, one.file, O.WRONLY);
            block.load(length, one.length, 8);
            block.sys("write", [file, one.old, length], { tolerate: "any", why: "put the old value back" });
            block.sys("close", [file]);
          }
        },
      },
    ],
  };
}

/** For all processes, or for none. One that has ended since it was listed needs no limits. */
export function rlimitsChange(c: ChangeContext, { pids, rlimits }: Change<"setRlimits">): Steps {
  const limits = rlimits.map((limit, index) => ({
    member: `rlimits[${index}]`,
    resource: rlimitNumber(limit),
    wanted: c.program.memory.bytes(rlimitBytes(limit)),
    old: pids.map(() => c.program.memory.zeroed(16)),
  }));
  const forAll = (
    block: BlockBuilder,
    args: (limit: (typeof limits)[number], index: number) => readonly [DataRef | 0, DataRef | 0],
    tolerate: readonly number[] | "any",
    why: string,
  ) => {
    for (const limit of limits) {
      block.at(limit.member);
      pids.forEach((pid, index) => {
        block.sys("prlimit64", [pid, limit.resource, ...args(limit, index)], { tolerate, why });
      });
    }
  };
  const none = c.program.memory.bytes(u64s(0, 0));
  return {
    prepare: (block) => forAll(block, ({ old }, index) => [0, old[index] ?? none], [E.ESRCH], "read the old limit"),
    attempts: [
      {
        act: ({ init }) => forAll(init, ({ wanted }) => [wanted, 0], [E.ESRCH], "set the limit"),
        undo: (block) => forAll(block, ({ old }, index) => [old[index] ?? none, 0], "any", "put the old limit back"),
      },
    ],
  };
}
