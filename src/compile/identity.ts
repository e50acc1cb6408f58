import {
  AT,
  CAPABILITIES,
  capabilityMask,
  capabilityNumber,
  E,
  MSG,
  O,
  PR,
  PR_CAP_AMBIENT,
  SIG,
  u32s,
} from "../linux/index.ts";
import type { BlockBuilder, DataRef, Register } from "../program/index.ts";
import { type Context, type ProcessContext, QUESTION } from "./context.ts";

/** Where the process's ids come from: constants, or registers that the application fills after a look at the container's passwd. */
export interface Identity {
  readonly uid: number | Register;
  readonly gid: number | Register;
  readonly groups: { readonly list: DataRef | 0; readonly count: number | Register };
}

/** A user namespace that is joined has ids of its own, which only it knows: whoever has none of them can make no file there. Its root mostly has one. */
export function becomeRootOfJoined(block: BlockBuilder, { resolved }: Context): void {
  // Whose command runs as nobody in particular stays who he is.
  if (!resolved.joined.has("user") || resolved.user === undefined) return;
  block.at("namespaces").sys("setgroups", [0, 0], { tolerate: [E.EPERM] });
  block.sys("setresgid", [0, 0, 0], { tolerate: [E.EINVAL] });
  block.sys("setresuid", [0, 0, 0], { tolerate: [E.EINVAL] });
}

/** In a new user namespace the set-up runs as the container's root, or as the lowest id that is mapped. */
export function becomeNamespaceRoot(block: BlockBuilder, c: ProcessContext): void {
  const maps = c.resolved.idMaps;
  if (!maps) return;
  const lowest = (map: readonly { containerID: number }[]) => Math.min(...map.map(({ containerID }) => containerID));
  block.at("gidMappings");
  if (!maps.denySetgroups) block.sys("setgroups", [0, 0]);
  const gid = lowest(maps.gid);
  block.sys("setresgid", [gid, gid, gid]);
  const uid = lowest(maps.uid);
  block.at("uidMappings").sys("setresuid", [uid, uid, uid]);
}

/** A file of the container that is read to look up a user; bigger ones are refused: a hostile image may have a passwd of 10 GB. */
const LOOKUP_LIMIT = 65536;
const STATX_TYPE_MODE_SIZE = 0x203;

/** A FIFO, a device or an endless file in the place of passwd is refused. Registers cannot be masked, so the mode is compared by its upper byte. */
function expectSmallFile(c: ProcessContext, fd: Register, file: string): void {
  const { init, program } = c;
  const seen = program.memory.zeroed(256);
  const value = program.register("seen");
  init.sys("statx", [fd, init.str(""), AT.EMPTY_PATH, STATX_TYPE_MODE_SIZE, seen], { why: `look at ${file}` });
  // struct statx: stx_mode at 28, stx_size at 40. S_IFREG is 0100000; the bit below it in that byte is S_IRUSR, and set-user-ID and the like do not belong there.
  const regular = init.label();
  init.load(value, init.memory.at(seen, 29), 1);
  init.jumpIf(value, 0x81, regular);
  init.expect(value, 0x80, E.EINVAL, `${file} of the container is no regular file`);
  init.place(regular);
  for (const [offset, width] of SIZE_ABOVE_LIMIT) {
    init.load(value, init.memory.at(seen, offset), width);
    init.expect(value, 0, E.EFBIG, `${file} of the container is longer than 64 KiB`);
  }
}

/** The bytes of stx_size that say 64 KiB or more. */
const SIZE_ABOVE_LIMIT = [
  [42, 4],
  [46, 2],
] as const;

/** Reads the container's passwd and group inside its root, sends them to the application and takes the ids that it found. */
function askIdentity(c: ProcessContext): Identity {
  const { init, program } = c;
  init.at("process.user");
  const buffer = program.memory.zeroed(LOOKUP_LIMIT);
  for (const [file, code] of [
    ["/etc/passwd", QUESTION.PASSWD],
    ["/etc/group", QUESTION.GROUP],
  ] as const) {
    const length = program.register("length");
    const fd = program.register("file");
    const missing = init.label();
    init.load(length, program.memory.zeroed(8), 8);
    // O_NONBLOCK: a FIFO in its place must not stop us.
    const flags = O.RDONLY | O.CLOEXEC | O.NONBLOCK | O.NOCTTY;
    init.sys("openat", [AT.FDCWD, init.str(file), flags, 0], {
      dst: fd,
      jump: { on: [E.ENOENT, E.ENOTDIR], to: missing },
    });
    expectSmallFile(c, fd, file);
    init.sys("read", [fd, buffer, LOOKUP_LIMIT], { dst: length, why: `read ${file}` });
    init.sys("close", [fd]);
    init.place(missing);
    init.send(code, buffer, length);
  }
  const answer = program.memory.zeroed(16 + 4 * 64);
  const received = program.register("length");
  init.await(answer, 16 + 4 * 64, received);
  const [uid, gid, count] = [program.register("uid"), program.register("gid"), program.register("ngroups")];
  init.load(uid, answer, 4);
  init.load(gid, program.memory.at(answer, 4), 4);
  init.load(count, program.memory.at(answer, 8), 4);
  return { uid, gid, groups: { list: program.memory.at(answer, 16), count } };
}

/** Who the process will be; asks the application when only the container's own files can tell. */
export function resolveIdentity(c: ProcessContext): Identity | undefined {
  const { user } = c.resolved;
  if (user === undefined) return undefined;
  if (typeof user === "string") return askIdentity(c);
  const groups = user.additionalGids ?? [];
  const list = groups.length > 0 ? c.program.memory.bytes(u32s(...groups)) : 0;
  return { uid: user.uid, gid: user.gid, groups: { list, count: groups.length } };
}

/** Gives up privileges in the only order that works: bounding set, groups, ids, then the capability sets (capabilities(7)). */
export function takeIdentity(c: ProcessContext, identity: Identity | undefined): void {
  const { init, resolved: r } = c;
  const sets = r.process.capabilities;
  if (sets) dropBoundingSet(c, sets.bounding ?? []);
  if (identity) {
    init.at("process.user");
    if (sets) init.sys("prctl", [PR.SET_KEEPCAPS, 1, 0, 0, 0]);
    if (!r.idMaps?.denySetgroups) init.sys("setgroups", [identity.groups.count, identity.groups.list]);
    init.sys("setresgid", [identity.gid, identity.gid, identity.gid]);
    init.sys("setresuid", [identity.uid, identity.uid, identity.uid]);
  }
  if (sets) setCapabilities(c);
  // The kernel forgets the death signal when credentials change (prctl(2)).
  init.at("namespaces").sys("prctl", [PR.SET_PDEATHSIG, SIG.KILL, 0, 0, 0]);
  dieWithMonitor(c);
}

/** A monitor that was killed while no death signal was set has closed its end of the socket. (A filter that is in place already may forbid the question.) */
function dieWithMonitor(c: ProcessContext): void {
  const { init, resolved: r } = c;
  if (r.seccomp && !r.process.noNewPrivileges) return;
  const call = [c.sync.child, init.memory.zeroed(8), 1, MSG.DONTWAIT, 0, 0] as const;
  const got = init.sysResult("received", "recvfrom", call, { tolerate: [E.EAGAIN] });
  init.expect(got, -E.EAGAIN, E.ECANCELED, "the monitor was killed");
}

function dropBoundingSet(c: ProcessContext, keep: readonly string[]): void {
  c.init.at("process.capabilities.bounding");
  CAPABILITIES.forEach((name, number) => {
    if (number > c.resolved.features.lastCapability || keep.includes(name)) return;
    c.init.sys("prctl", [PR.CAPBSET_DROP, number, 0, 0, 0]);
  });
}

const CAPABILITY_VERSION_3 = 0x20080522;

function setCapabilities(c: ProcessContext): void {
  const { init, resolved: r } = c;
  const sets = r.process.capabilities ?? {};
  const known = (1n << BigInt(r.features.lastCapability + 1)) - 1n;
  const [effective, permitted, inheritable] = [sets.effective, sets.permitted, sets.inheritable].map(
    (names) => capabilityMask(names ?? []) & known,
  ) as [bigint, bigint, bigint];
  const low = (mask: bigint) => Number(mask & 0xffffffffn);
  const high = (mask: bigint) => Number(mask >> 32n);
  const data = u32s(
    low(effective),
    low(permitted),
    low(inheritable),
    high(effective),
    high(permitted),
    high(inheritable),
  );
  init.at("process.capabilities");
  init.sys("capset", [init.memory.bytes(u32s(CAPABILITY_VERSION_3, 0)), init.memory.bytes(data)]);
  if (!r.features.ambientCapabilities) return;
  init.at("process.capabilities.ambient");
  init.sys("prctl", [PR.CAP_AMBIENT, PR_CAP_AMBIENT.CLEAR_ALL, 0, 0, 0]);
  for (const name of sets.ambient ?? []) {
    init.sys("prctl", [PR.CAP_AMBIENT, PR_CAP_AMBIENT.RAISE, capabilityNumber(name) ?? -1, 0, 0]);
  }
}
