import { CLONE, E, O, PR } from "../linux/index.ts";
import type { Block, Program } from "./program.ts";
import { type Call, callsOf, firstExec, firstIndex, indexOfLast, registerName, stringAt } from "./verify-calls.ts";

/** What must hold besides when the container is there already, and is hostile: it looks at who enters, and waits for descriptors that lead out. */
export function verifyEntry(program: Program, entered: Block): readonly string[] {
  const stage = program.blocks.find(({ name }) => name === "stage");
  // One after the other, as they happen.
  const before = stage ? callsOf(program, stage) : [];
  const calls = callsOf(program, entered);
  const all = [...before, ...calls].map((call, index) => ({ ...call, index }));
  return [
    ...notDumpable(all),
    ...chargedFirst(all),
    ...openedBefore(all),
    ...nothingJoinedByMonitor(program),
    ...hostDescriptorsClosed(program, calls),
    ...opensWithoutWaiting(program, calls),
    ...workingDirectoryInside(calls),
  ];
}

/** What changes a container has its caller's rights in it, and executes nothing of the container's. */
export function verifyChange(program: Program): readonly string[] {
  const named = (name: string) => program.blocks.filter((block) => block.name === name);
  // A stage waits for the change: its last operations come after it.
  const all = [...named("stage"), ...named("change"), ...named("attempt")]
    .flatMap((block) => callsOf(program, block))
    .map((call, index) => ({ ...call, index }));
  const executes = program.blocks.some((block) => callsOf(program, block).some(({ name }) => name === "execve"));
  return [
    ...notDumpable(all),
    ...openedBefore(all),
    ...nothingJoinedByMonitor(program),
    ...(executes ? ["a change executes something"] : []),
  ];
}

const isSetns = ({ name }: Call) => name === "setns";

/** CVE-2019-5736 and its kin: what has joined a namespace cannot be traced, nor its executable be opened, until it is the command. */
function notDumpable(calls: readonly Call[]): string[] {
  const isDumpable = ({ op, name }: Call) => name === "prctl" && op.args[0] === PR.SET_DUMPABLE;
  const off = firstIndex(calls, isDumpable);
  const joined = firstIndex(calls, (call) => isSetns(call) || call.name === "chroot");
  const again = calls.filter((call) => isDumpable(call) && call.op.args[1] !== 0);
  if (off < 0 || (joined >= 0 && joined < off)) return ["the process is dumpable when it joins the container"];
  return again.map(({ index }) => `operation ${index} makes the process dumpable`);
}

/** What is done in the container is charged to it. */
function chargedFirst(calls: readonly Call[]): string[] {
  const charged = indexOfLast(calls, ({ op, name }) => name === "write" && op.member === "resources");
  const joined = firstIndex(calls, isSetns);
  return charged >= 0 && joined >= 0 && joined < charged ? ["the cgroup is entered after a namespace"] : [];
}

/** The container's first process is looked at before anything is joined: afterwards the container decides what is seen. */
function openedBefore(calls: readonly Call[]): string[] {
  const joined = firstIndex(calls, isSetns);
  return calls
    .filter(
      ({ op, index, name }) => name === "openat" && index > joined && joined >= 0 && isRegister(op.args[0], "target"),
    )
    .map(({ index }) => `operation ${index} opens a file of the first process after a namespace was joined`);
}

/** The monitor outlives the process and belongs to the host. */
function nothingJoinedByMonitor(program: Program): string[] {
  const [monitor] = program.blocks;
  return monitor && callsOf(program, monitor).some(isSetns) ? ["the monitor joins a namespace"] : [];
}

/** CVE-2024-21626: a link of the container to /proc/self/fd/N must find nothing there. */
function hostDescriptorsClosed(program: Program, calls: readonly Call[]): string[] {
  const inside = entryIn(calls);
  const follows = ({ op, name }: Call) =>
    name === "openat" || (name === "chdir" && stringAt(program, op.args[0]) !== "/");
  const first = inside < 0 ? -1 : firstIndex(calls, (call) => call.index > inside && follows(call));
  const end = first < 0 ? firstExec(calls) : first;
  return ["proc", "target"].flatMap((register) => {
    const closed = firstIndex(calls, ({ op, name }) => name === "close" && isRegister(op.args[0], register));
    return closed >= 0 && closed < end ? [] : [`${register} is still open when a path of the container is followed`];
  });
}

/** From where on in this block paths are the container's. */
const entryIn = (calls: readonly Call[]) => indexOfLast(calls, (call) => isSetns(call) || call.name === "chroot");

/** Files of the container are opened without waiting: any of them may be a FIFO or a device. */
function opensWithoutWaiting(program: Program, calls: readonly Call[]): string[] {
  const inside = entryIn(calls);
  return calls
    .filter(({ name, index }) => name === "openat" && inside >= 0 && index > inside)
    .filter(({ op }) => (Number(op.args[2]) & (O.NONBLOCK | O.PATH)) === 0)
    .map(({ index, op }) => `entered[${index}]: opens ${stringAt(program, op.args[1])}, which may block`);
}

/** As for a root that is made: where the process ends up is seen to lie inside. */
function workingDirectoryInside(calls: readonly Call[]): string[] {
  const joined = indexOfLast(calls, ({ op, name }) => name === "setns" && op.args[1] === CLONE.NEWNS);
  if (joined < 0) return [];
  const moved = indexOfLast(calls, ({ name }) => name === "chdir" || name === "fchdir");
  const checked = indexOfLast(calls, ({ op, name }) => name === "EXPECT" && op.nr === E.EXDEV);
  return checked > joined && checked > moved ? [] : ["the working directory is not seen to lie in the container"];
}

const isRegister = (arg: Parameters<typeof registerName>[0], name: string) => registerName(arg) === name;
