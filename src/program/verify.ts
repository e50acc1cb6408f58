import { E, MS, O, S, SECCOMP_FILTER_FLAG } from "../linux/index.ts";
import type { Program } from "./program.ts";
import { LIMIT } from "./protocol.ts";
import {
  type Call,
  callName,
  callsOf,
  firstExec,
  firstIndex,
  indexOfLast,
  registerName,
  stringAt,
} from "./verify-calls.ts";
import { verifyCompany } from "./verify-company.ts";
import { verifyChange, verifyEntry } from "./verify-entry.ts";
import { verifyNetwork } from "./verify-network.ts";

/**
 * Checks the properties that keep a container inside, on the program of any container, and of whatever enters one: each rule here is the answer to
 * attacks that other runtimes suffered. Returns what is violated, in words; an empty list is what must come out.
 */
export function verifyProgram(program: Program): readonly string[] {
  const changes = program.blocks.filter(({ name }) => name === "change" || name === "attempt");
  if (changes.length > 0) {
    return [
      ...verifyChange(program),
      ...opensClose(program),
      ...procWritesVerified(program),
      ...changes.flatMap((block) => madeInsideRoot(program, callsOf(program, block))),
    ];
  }
  const init = program.blocks.find(({ name }) => name === "init" || name === "entered");
  if (!init) return ["there is no init block"];
  const calls = callsOf(program, init);
  return [
    ...(init.name === "entered" ? verifyEntry(program, init) : []),
    ...opensClose(program),
    ...doneIsLast(program),
    ...descriptorsClosed(calls),
    ...workingDirectoryChecked(calls),
    ...procWritesVerified(program),
    ...privilegesDropped(calls),
    ...seccompLast(calls),
    ...hostTreeLeft(program, calls),
    ...madeInsideRoot(program, calls),
    ...readonlyKept(program, calls),
    ...noDevicesInUserNamespace(program, calls),
    ...(init.name === "init" ? [...verifyCompany(program, init), ...verifyNetwork(program, init)] : []),
  ];
}

/** Who has been told that all is done may give the container's number to another one: nothing may be said of it any more. */
function doneIsLast({ blocks, epilogue }: Program): string[] {
  return blocks.flatMap(({ name, ops }) => {
    const done = ops.findIndex(({ op }) => op === "DONE");
    if (done < 0) return [];
    const silent = ops.slice(done + 1).every(({ op, tolerate }) => op === "SYSCALL" && tolerate[0] === LIMIT.ANY_ERRNO);
    return epilogue?.name === name && silent ? [] : [`${name}[${done}]: done before something that may fail`];
  });
}

/** Every descriptor that a program opens closes at execve. */
function opensClose(program: Program): string[] {
  return program.blocks.flatMap((block) =>
    block.ops.flatMap((op, index) => {
      const name = callName(program, op);
      const flags = { openat: 2, open_tree: 2, pipe2: 1 }[name];
      if (flags === undefined || Number(op.args[flags]) & O.CLOEXEC) return [];
      return [`${block.name}[${index}]: ${name} without O_CLOEXEC`];
    }),
  );
}

const [FIRST_PASSED, F_SETFD] = [3, 2];

/** CVE-2024-21626: no inherited descriptor above the streams survives, but for those that are passed on purpose: 3, 4 and so on without a gap. */
function descriptorsClosed(calls: readonly Call[]): string[] {
  const kept = calls.filter(({ op, name }) => name === "fcntl" && op.args[1] === F_SETFD && op.args[2] === 0);
  const gap = kept.findIndex(({ op }, index) => op.args[0] !== FIRST_PASSED + index);
  const closed = indexOfLast(
    calls,
    ({ op, name }) => (name === "close_range" || name === "CLOSE_FROM") && op.args[0] === FIRST_PASSED + kept.length,
  );
  return gap < 0 && closed >= 0 && closed < firstExec(calls)
    ? []
    : ["inherited descriptors are not closed before execve"];
}

/** CVE-2024-21626: with a root of its own, the working directory is seen to lie inside it. */
function workingDirectoryChecked(calls: readonly Call[]): string[] {
  const entered = indexOfLast(calls, ({ name }) => name === "pivot_root" || name === "chroot");
  if (entered < 0) return [];
  const moved = indexOfLast(calls, ({ name }) => name === "chdir" || name === "fchdir");
  const checked = indexOfLast(calls, ({ op, name }) => name === "EXPECT" && op.nr === E.EXDEV);
  return checked > moved && checked < firstExec(calls)
    ? []
    : ["the working directory is not checked after the last chdir"];
}

/** CVE-2025-52881: files of /proc are written through the verified procfs only. */
function procWritesVerified(program: Program): string[] {
  return program.blocks.flatMap((block) =>
    block.ops.flatMap((op, index) => {
      if (callName(program, op) !== "openat") return [];
      const path = stringAt(program, op.args[1]);
      const writes = (Number(op.args[2]) & 3) !== O.RDONLY;
      const device =
        path?.startsWith("/dev/") || op.member === "root" || /^(resources|cgroup|intelRdt)/.test(op.member);
      // The monitor's own notes: the container has no part in them, and its tree is not where they are.
      const notes = op.member.startsWith("nics") && ["monitor", "epilogue", "program"].includes(block.name);
      const directory = registerName(op.args[0]) ?? "";
      if (!writes || device || notes || ["proc", "proc_own", "record"].includes(directory)) return [];
      return [`${block.name}[${index}]: opens ${path ?? "a file"} for writing outside the verified procfs`];
    }),
  );
}

const PRIVILEGED = new Set(
  "mount umount2 pivot_root move_mount open_tree mount_setattr mknodat sethostname setdomainname setns unshare chroot setgroups setresgid setresuid".split(
    " ",
  ),
);

/** Capabilities go after the last call that needs them, and before the command. */
function privilegesDropped(calls: readonly Call[]): string[] {
  const capset = indexOfLast(calls, ({ name }) => name === "capset");
  if (capset < 0) return [];
  const late = calls.filter(({ name, index }) => index > capset && PRIVILEGED.has(name));
  const before = capset < firstExec(calls) ? [] : ["capset does not come before execve"];
  return [...before, ...late.map(({ name, index }) => `init[${index}]: ${name} after capset`)];
}

/** What hands over the descriptor of a filter with a listener, and what waits to be started then: all before the command. */
const WITH_LISTENER = new Set(["close", "STORE", "write", "read", "EXPECT", "sendto"]);

/** With no_new_privs nothing but the command comes after the filter. */
function seccompLast(calls: readonly Call[]): string[] {
  const filter = indexOfLast(calls, ({ name }) => name === "seccomp");
  if (filter < 0) return [];
  const noNewPrivileges = calls.some(({ op, name }) => name === "prctl" && op.args[0] === 38);
  if (!noNewPrivileges) return filter < firstExec(calls) ? [] : ["the seccomp filter comes after execve"];
  const listens = (Number(calls[filter]?.op.args[1]) & SECCOMP_FILTER_FLAG.NEW_LISTENER) !== 0;
  const allowed = (name: string) => name === "execve" || name === "FAIL" || (listens && WITH_LISTENER.has(name));
  const late = calls.filter(({ name, index }) => index > filter && !allowed(name));
  return late.map(({ name, index }) => `init[${index}]: ${name} after the seccomp filter`);
}

/** What the container's paths are for; the `source` of a bind mount is the host's. */
const CONTAINER_MEMBER = /^(mounts\[\d+\](?!\.source)|(devices|links|maskedPaths|readonlyPaths)\[)/;
const BY_PATH = new Set(["mount", "mkdirat", "mknodat", "symlinkat", "fchownat", "chdir"]);

/** CVE-2021-30465 and its kin: container paths are resolved only when the container's root is the process's root, and the host's is given up in the end. */
function hostTreeLeft(program: Program, calls: readonly Call[]): string[] {
  const entered = firstIndex(calls, ({ name }) => name === "chroot" || name === "pivot_root");
  if (entered < 0) return [];
  const early = calls
    .slice(0, entered)
    .filter(({ op, name }) => BY_PATH.has(name) && CONTAINER_MEMBER.test(op.member))
    .map(({ op, index, name }) => {
      const path = stringAt(program, op.args[name === "chdir" ? 0 : (MAKES.get(name) ?? 1)]);
      return `init[${index}]: ${name} of a container path (${path}) before the root is entered`;
    });
  return [...early, ...oldRootDetached(program, calls), ...oldRootUnused(calls, entered), ...belowOldRoot(calls)];
}

function oldRootDetached(program: Program, calls: readonly Call[]): string[] {
  const moved = indexOfLast(calls, movesRoot);
  if (moved >= 0) return kernelViewsHidden(program, calls, moved);
  const pivot = indexOfLast(calls, ({ name }) => name === "pivot_root");
  const opened = firstIndex(calls, ({ op }) => op.dst?.name === "old_root");
  if (pivot < 0) return opened < 0 ? [] : ["the old root is never left"];
  const detach = indexOfLast(calls, ({ op, name }) => name === "umount2" && op.args[1] === 2);
  return detach > pivot && detach < firstExec(calls) ? [] : ["the old root is not detached"];
}

const movesRoot = ({ op, name }: Call) => name === "mount" && op.member === "root" && op.args[3] === MS.MOVE;

/** The host's tree stays below a root that is moved: its /proc, from which the program itself has its procfs, must not count as one that the container sees. */
function kernelViewsHidden(program: Program, calls: readonly Call[], moved: number): string[] {
  const entered = indexOfLast(calls, ({ name }) => name === "chroot");
  if (entered < moved) return ["the moved root is not entered"];
  const hidden = calls.filter(({ name, index }) => name === "umount2" && index > moved && index < entered);
  return hidden.some(({ op }) => stringAt(program, op.args[0]) === "/proc")
    ? []
    : ["the host's /proc stays mounted below the moved root"];
}

/** The descriptor of the host's root serves to go there and detach it, nothing else. */
function oldRootUnused(calls: readonly Call[], entered: number): string[] {
  return calls
    .filter(({ op, index, name }) => {
      const uses = op.args.some((arg) => registerName(arg) === "old_root");
      return uses && index > entered && name !== "fchdir" && name !== "close";
    })
    .map(({ index, name }) => `init[${index}]: ${name} uses the old root`);
}

/** Once the process stands in the old root, and while that lies over the new one, where ".." finds it, no container path is resolved. */
function belowOldRoot(calls: readonly Call[]): string[] {
  const back = firstIndex(calls, ({ op, name }) => name === "fchdir" && registerName(op.args[0]) === "old_root");
  const from = back >= 0 ? back : firstIndex(calls, ({ name }) => name === "pivot_root");
  if (from < 0) return [];
  const left = calls.some(movesRoot) ? "chroot" : "umount2";
  const to = indexOfLast(calls, ({ name }) => name === left);
  return calls
    .slice(from, Math.max(from, to))
    .filter(({ op }) => CONTAINER_MEMBER.test(op.member))
    .map(
      ({ index, name }) => `init[${index}]: ${name} for ${calls[index]?.op.member} while the old root can be reached`,
    );
}

const MAKES = new Map([
  ["mkdirat", 1],
  ["mknodat", 1],
  ["symlinkat", 2],
  ["fchownat", 1],
]);

/**
 * CVE-2025-52565 and its kin: a link of the image to /proc/self/fd/N leads out of any root. So what is made in the container is named without a path, in a
 * working directory which was seen to lie inside the root.
 */
function madeInsideRoot(program: Program, calls: readonly Call[]): string[] {
  const violations: string[] = [];
  let inside = false;
  for (const { op, index, name } of calls) {
    if (name === "chdir") inside = stringAt(program, op.args[0]) === "/";
    else if (name === "fchdir") inside = false;
    else if (name === "EXPECT" && op.nr === E.EXDEV) inside = true;
    const argument = MAKES.get(name);
    if (argument === undefined || !CONTAINER_MEMBER.test(op.member)) continue;
    const path = stringAt(program, op.args[argument]);
    if (path?.includes("/") !== false) violations.push(`init[${index}]: ${name} of ${path} by a path`);
    else if (!inside) violations.push(`init[${index}]: ${name} of ${path} in a directory that was not checked`);
  }
  return violations;
}

const REMOUNT = MS.REMOUNT | MS.BIND;

/** A remount replaces all flags: what was made read-only for the root stays so when another flag is set (mount(2), "Remounting"). */
function readonlyKept(program: Program, calls: readonly Call[]): string[] {
  const readonly = new Set<string | undefined>();
  const violations: string[] = [];
  for (const { op, index, name } of calls) {
    const flags = Number(op.args[3]);
    if (name !== "mount" || (flags & REMOUNT) !== REMOUNT || !/^(root|devices)/.test(op.member)) continue;
    const path = stringAt(program, op.args[1]);
    if (flags & MS.RDONLY) readonly.add(path);
    else if (readonly.has(path)) violations.push(`init[${index}]: ${path} loses its being read-only`);
  }
  return violations;
}

/** A program with a new user namespace needs no right outside it: device nodes are bound, not made (mknod(2), EPERM). */
function noDevicesInUserNamespace(program: Program, calls: readonly Call[]): string[] {
  const maps = program.blocks.some(({ ops }) => ops.some(({ member }) => member === "uidMappings"));
  if (!maps) return [];
  return calls
    .filter(
      ({ op, name }) =>
        name === "mknodat" && [S.IFCHR, S.IFBLK].some((type) => (Number(op.args[2]) & 0o170000) === type),
    )
    .map(({ index }) => `init[${index}]: mknod of a device in a user namespace`);
}
