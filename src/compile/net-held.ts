/** What a container holds of its networks: locks on addresses, and ports that are bound. */
import { AF, E, F_DUPFD_CLOEXEC, MSG, O, SCM_RIGHTS, SOCK, SOL_SOCKET, u32s, u64s } from "../linux/index.ts";
import type { BlockBuilder, DataRef, Label, Register } from "../program/index.ts";
import type { Context } from "./context.ts";
import type { MemberStep } from "./net-requests.ts";
import { takeHeld } from "./net-steps.ts";
import { enterHolder } from "./net-visit.ts";
import { openOwnNamespace, stepsOf, works } from "./nics.ts";

export interface HeldForNics {
  /** Where the descriptors are that init must not have; -1 in one that is kept elsewhere by now. */
  readonly slots: readonly DataRef[];
  /** Those to be held from one run to the next. */
  readonly lasting: readonly DataRef[];
  /** 1 when they are. */
  readonly kept: DataRef | undefined;
}

const isHeld = ({ step }: MemberStep): boolean => step.do === "lock" || step.do === "bind";

/** The container is started again by its monitor, with the same addresses and ports. */
export const keepsHeld = (c: Context): boolean =>
  c.resolved.record?.outlives === true && c.resolved.record.restart !== undefined && stepsOf(c, "setUp").some(isHeld);

/** The very first: locks and ports. Somebody else may have them, and then nothing has been made yet. */
export function holdForNics(c: Context): HeldForNics {
  const { monitor, program } = c;
  const keep = (register: Register | undefined) => {
    if (!register) return [];
    const slot = program.memory.zeroed(8);
    monitor.store(slot, register, 8);
    return [slot];
  };
  const kept = keepsHeld(c) ? program.memory.zeroed(8) : undefined;
  const have = monitor.label();
  if (kept) {
    const register = program.register("kept");
    monitor.at("nics").load(register, kept, 8);
    monitor.jumpIf(register, 1, have);
  }
  const { holder } = c.resolved;
  const visit = holder && enterHolder(monitor, c.proc, holder);
  const held = stepsOf(c, "setUp")
    .filter(isHeld)
    .flatMap((one) => keep(takeHeld(monitor, one)));
  const lasting = [...held, ...keep(visit?.users)];
  if (visit && kept) goOnInHolder(c, visit.network, have);
  else monitor.place(have);
  if (visit) return { slots: [...lasting, ...keep(visit.network)], lasting, kept };
  const joins = works(c, "monitor") && c.resolved.joined.has("network");
  // The monitor goes there before it makes init.
  const own = joins ? keep(openOwnNamespace(c)) : [];
  return { slots: [...lasting, ...own], lasting, kept };
}

/** In a further run the monitor is in the user namespace of the networks still, and has kept their network namespace in the place of its output. */
function goOnInHolder({ monitor }: Context, network: Register, have: Label): void {
  const first = monitor.label();
  monitor.jump(first);
  monitor.place(have);
  monitor
    .at("nics")
    .sys("fcntl", [KEPT_NETWORK, F_DUPFD_CLOEXEC, 5], { dst: network, why: "find the user's networks" });
  monitor.place(first);
}

const KEPT_NETWORK = 1;

/** Which of its streams the monitor needs for other things, when its application has gone. */
export const keptStreams = (c: Context): readonly number[] =>
  keepsHeld(c) ? (c.resolved.holder ? [0, KEPT_NETWORK] : [0]) : [];

/** Init has copies of the monitor's descriptors, and would hold what they hold. */
export function leaveHeld(c: Context, { slots, kept }: HeldForNics): void {
  const descriptor = c.program.register("held");
  for (const slot of slots) {
    c.init.load(descriptor, slot, 4);
    c.init.at("nics").sys("close", [descriptor], kept ? { tolerate: [E.EBADF] } : {});
  }
}

/** Whoever is told that the container has ended may want its port at once, and the monitor is there a moment longer. */
export function releaseHeld(c: Context, { lasting, kept }: HeldForNics): void {
  if (kept) return;
  const descriptor = c.program.register("held");
  for (const slot of lasting) {
    const epilogue = c.program.epilogue().at("nics");
    const none = epilogue.label();
    epilogue.load(descriptor, slot, 4);
    epilogue.jumpIf(descriptor, 0, none);
    epilogue.sys("close", [descriptor]);
    epilogue.place(none);
  }
}

/**
 * Between two runs the monitor closes every descriptor but its first five, and somebody else could take the address or the port. So they are on their way through
 * a socket that takes the place of its input, which nobody reads (unix(7), SCM_RIGHTS): what is in there is open until that is closed.
 */
export function keepHeld(c: Context, { lasting, kept }: HeldForNics): void {
  if (!kept) return;
  const { monitor, program } = c;
  const why = "hold it from one run to the next";
  const have = monitor.label();
  const register = program.register("kept");
  monitor.at("nics").load(register, kept, 8);
  monitor.jumpIf(register, 1, have);
  const pair = monitor.memory.zeroed(8);
  monitor.sys("socketpair", [AF.UNIX, SOCK.STREAM | SOCK.CLOEXEC, 0, pair], { why });
  const [input, output] = [program.register("kept_in"), program.register("kept_out")];
  monitor.load(input, pair, 4);
  monitor.load(output, monitor.memory.at(pair, 4), 4);
  for (let at = 0; at < lasting.length; at += MOST_IN_MESSAGE)
    sendHeld(monitor, input, lasting.slice(at, at + MOST_IN_MESSAGE), why);
  monitor.sys("dup3", [output, 0, O.CLOEXEC], { why });
  for (const one of [input, output]) monitor.sys("close", [one]);
  if (c.resolved.holder) monitor.sys("dup3", [program.register("ns_host"), KEPT_NETWORK, O.CLOEXEC], { why });
  monitor.store(kept, 1, 8);
  monitor.place(have);
}

/** SCM_MAX_FD of the kernel is 253. */
const MOST_IN_MESSAGE = 200;

/** struct msghdr with one byte, and struct cmsghdr with the descriptors behind it. */
function sendHeld(block: BlockBuilder, to: Register, slots: readonly DataRef[], why: string): void {
  const { memory, program } = block;
  const descriptor = program.register("held");
  const length = CMSGHDR + 4 * slots.length;
  const vector = memory.bytes(u64s(0, 1));
  memory.pointer(vector, 0, memory.zeroed(8));
  const control = memory.bytes(new Uint8Array(Math.ceil(length / 8) * 8));
  memory.data.set(u64s(length), control.offset);
  memory.data.set(u32s(SOL_SOCKET, SCM_RIGHTS), control.offset + 8);
  const header = memory.bytes(u64s(0, 0, 0, 1, 0, Math.ceil(length / 8) * 8, 0));
  memory.pointer(header, 16, vector);
  memory.pointer(header, 32, control);
  slots.forEach((slot, index) => {
    block.load(descriptor, slot, 4);
    block.store(memory.at(control, CMSGHDR + 4 * index), descriptor, 4);
  });
  block.sys("sendmsg", [to, header, MSG.DONTWAIT | MSG.NOSIGNAL], { why });
  for (const slot of slots) {
    block.load(descriptor, slot, 4);
    block.sys("close", [descriptor]);
    block.store(slot, -1, 4);
  }
}

const CMSGHDR = 16;
