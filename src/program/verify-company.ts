import { CLONE, E, PR } from "../linux/index.ts";
import type { Block, Program } from "./program.ts";
import { LIMIT } from "./protocol.ts";
import { type Call, callsOf, firstExec, firstIndex, indexOfLast, registerName, stringAt } from "./verify-calls.ts";

/** What must hold because a container is not alone while it is made: others share its volumes or its pid namespace. */
export function verifyCompany(program: Program, init: Block): readonly string[] {
  const calls = callsOf(program, init);
  return [
    ...hostLeft(calls),
    ...boundWhereFound(calls),
    ...kernelViewsAreNoLinks(program, calls),
    ...hidden(program, init),
    ...helpersHidden(program),
  ];
}

const closes = (register: string) => (call: Call) =>
  call.name === "close" && registerName(call.op.args[0]) === register;

/** Whoever has the same privileges and sees the process can take its descriptors: when the privileges go, and all the more while it waits to be started, none leads to the host. */
function hostLeft(calls: readonly Call[]): string[] {
  const dropped = indexOfLast(calls, ({ name }) => name === "capset");
  const held = firstIndex(calls, ({ op, name }) => name === "read" && registerName(op.args[0]) === "start");
  const ends = [dropped, held, firstExec(calls)].filter((index) => index >= 0);
  const late = (test: (call: Call) => boolean, end: number) => {
    const closed = firstIndex(calls, test);
    return closed < 0 || closed > end;
  };
  const open = late(closes("proc"), Math.min(...ends))
    ? ["the host's procfs is still open when the privileges go"]
    : [];
  if (held < 0) return open;
  const command = ({ op, name }: Call) => name === "close" && op.args[0] === LIMIT.COMMAND_FD;
  const waits = [closes("record"), closes("sync_child"), command].some((test) => late(test, held));
  return waits ? [...open, "a container that waits to be started has more than its streams"] : open;
}

/** CVE-2021-30465: a path of the container that is bound on itself is looked up once. */
function boundWhereFound(calls: readonly Call[]): string[] {
  return calls
    .filter(({ op, name }) => name === "open_tree" && op.member.startsWith("readonlyPaths["))
    .filter(({ op }) => registerName(op.args[0]) === undefined)
    .map(({ index }) => `init[${index}]: binds what may have been exchanged`);
}

/** CVE-2019-19921: what masked paths lead into is a directory of the root, and no link that somebody could turn. */
function kernelViewsAreNoLinks(program: Program, calls: readonly Call[]): string[] {
  return calls
    .filter(({ op, name }) => name === "mount" && ["proc", "sysfs"].includes(stringAt(program, op.args[2]) ?? ""))
    .filter(({ op: { member } }) => /^mounts\[\d+\]$/.test(member))
    .filter(({ op: { member }, index }) => {
      const seen = firstIndex(calls, ({ op, name }) => name === "EXPECT" && op.nr === E.ELOOP && op.member === member);
      return seen < 0 || seen > index;
    })
    .map(({ index }) => `init[${index}]: mounts what the kernel shows without a look whether it goes through a link`);
}

/** CVE-2016-9962: what is made in a pid namespace that others live in is not dumpable from its birth on. */
function hidden(program: Program, init: Block): string[] {
  const joins = program.blocks.some((block) =>
    callsOf(program, block).some(({ op, name }) => name === "setns" && op.args[1] === CLONE.NEWPID),
  );
  if (!joins) return [];
  return program.blocks.flatMap((block) => {
    const calls = callsOf(program, block);
    const born = firstIndex(calls, ({ op, name }) => name === "SPAWN" && op.nr === init.index);
    const off = firstIndex(calls, isHiding);
    return born >= 0 && (off < 0 || off > born) ? ["others in the pid namespace can trace the container"] : [];
  });
}

const isHiding = ({ op, name }: Call) => name === "prctl" && op.args[0] === PR.SET_DUMPABLE && op.args[1] === 0;

/** Those that become the container, and the monitor, which joins no namespace but its user's. */
const NO_HELPERS: ReadonlySet<string> = new Set(["monitor", "stage", "init"]);

/** Who has the host's tree and joins a user namespace can be traced by those who are strong in it, wherever they see it. */
function helpersHidden(program: Program): string[] {
  return program.blocks.flatMap((block) => {
    if (NO_HELPERS.has(block.name)) return [];
    const calls = callsOf(program, block);
    const joined = firstIndex(calls, ({ op, name }) => name === "setns" && op.args[1] === CLONE.NEWUSER);
    const off = firstIndex(calls, isHiding);
    return joined >= 0 && (off < 0 || off > joined)
      ? [`${block.name}[${joined}]: can be traced by the user namespace that it joins`]
      : [];
  });
}
