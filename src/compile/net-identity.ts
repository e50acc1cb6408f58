/** Whether an interface is the one that went into a container: who is strong there may have put another one in its place, with its name and index. */
import { E, SIOC } from "../linux/index.ts";
import type { BlockBuilder, DataRef, Label, Register } from "../program/index.ts";
import type { NetStep } from "../spec/index.ts";
import { findIndex, interfaceRequest, keyOf } from "./net-requests.ts";
import type { NetWorker } from "./net-worker.ts";

/** linux/ethtool.h: struct ethtool_drvinfo has the driver's name behind the command; struct ethtool_perm_addr a size, and the address of the hardware. */
const DRVINFO = { COMMAND: 0x3, SIZE: 196, DRIVER: 4 } as const;
const PERM_ADDR = { COMMAND: 0x20, SIZE: 40, MOST: 32, ADDRESS: 8, AT: 200 } as const;
/** What counts of both, eight bytes each: of a driver's name all, of an address as much as Ethernet's has. */
const WORDS = [0, 8, 16, 24].map((by) => DRVINFO.DRIVER + by).concat(PERM_ADDR.AT + PERM_ADDR.ADDRESS);

/** struct ifreq: an index or a pointer after the name. */
const IFREQ_UNION = 16;

const identityKey = (name: string): string => `identity of ${keyOf({ link: name, place: "container" })}`;

/** As soon as it is in the container. */
export function rememberIdentity(worker: NetWorker, name: string): void {
  const { block, socket, indexes, lasting } = worker;
  const identity = readIdentity(block, socket.container, interfaceRequest(block, name));
  indexes.set(identityKey(name), identity);
  lasting.add(identityKey(name));
}

export function verifyIdentity(
  worker: NetWorker,
  member: string,
  { name, why }: Extract<NetStep, { readonly do: "verify" }>,
): void {
  const { block, socket, indexes, failed } = worker;
  const before = indexes.get(identityKey(name));
  if (!before || !failed) return;
  const [gone, other] = [block.label(), block.label()];
  const request = interfaceRequest(block, "");
  const [one, two] = [block.program.register("identity"), block.program.register("identity_now")];
  block.load(one, findIndex(worker, member, { link: name, place: "container" }, gone), 4);
  block.store(block.memory.at(request, IFREQ_UNION), one, 4);
  block.sys("ioctl", [socket.container, SIOC.GIFNAME, request], { jump: { on: [E.ENODEV], to: gone }, why });
  const now = readIdentity(block, socket.container, request);
  for (const at of WORDS) {
    block.load(one, block.memory.at(before, at), 8);
    block.load(two, block.memory.at(now, at), 8);
    block.jumpUnless(one, two, other);
  }
  block.jump(gone);
  refuse(block, other, failed, why);
  block.place(gone);
}

function refuse(block: BlockBuilder, here: Label, failed: Label, why: string): void {
  block.place(here);
  block.fail(E.ENOTUNIQ, why);
  block.jump(failed);
}

/** Of what a kind of interface has not the bytes stay zero, each time. `named` has the interface's name, and is not changed. */
function readIdentity(block: BlockBuilder, socket: Register, named: DataRef): DataRef {
  const { memory, program } = block;
  const into = memory.zeroed(PERM_ADDR.AT + PERM_ADDR.SIZE);
  const half = program.register("name");
  for (const { at, command, size } of [
    { at: 0, command: DRVINFO.COMMAND, size: 0 },
    { at: PERM_ADDR.AT, command: PERM_ADDR.COMMAND, size: PERM_ADDR.MOST },
  ]) {
    const request = interfaceRequest(block, "");
    for (const by of [0, 8]) {
      block.load(half, memory.at(named, by), 8);
      block.store(memory.at(request, by), half, 8);
    }
    memory.pointer(request, IFREQ_UNION, memory.at(into, at));
    block.store(memory.at(into, at), command, 4);
    if (size > 0) block.store(memory.at(into, at + 4), size, 4);
    block.sys("ioctl", [socket, SIOC.ETHTOOL, request], { tolerate: [E.ENOTSUP, E.EINVAL, E.EPERM] });
  }
  return into;
}
