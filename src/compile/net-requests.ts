import {
  decodeAttributes,
  decodeMessages,
  E,
  IFINFOMSG,
  IFLA,
  MSG,
  NETLINK_OPTION,
  NLM_F,
  NLMSG_FLAGS,
  NLMSG_SEQUENCE,
  NLMSGERR_ERROR,
  RTM,
  SIOC,
  SOL_NETLINK,
  viewOf,
} from "../linux/index.ts";
import type { BlockBuilder, DataRef, Label, Register } from "../program/index.ts";
import type { NetPlace, NetStep } from "../spec/index.ts";
import { REPORT } from "./context.ts";
import { drawNameIn, drawNameWithin } from "./net-names.ts";

/** A step, and what it is for. */
export interface MemberStep<S extends NetStep = NetStep> {
  readonly member: string;
  readonly step: S;
  /** Which of the plans it is of. */
  readonly nic?: number | undefined;
}

type Request = Extract<NetStep, { readonly do: "request" }>;

/** Where requests are sent from, and what is known there. */
export interface NetSockets {
  readonly block: BlockBuilder;
  /** Made before the first request. */
  readonly socket: Readonly<Record<NetPlace, Register>>;
  readonly namespace: Readonly<Record<NetPlace, Register>>;
  /** Indexes that were looked up already, by place and name. */
  readonly indexes: Map<string, DataRef>;
  /** Those of them by which the interfaces are known at the end: by then others may have their names. */
  readonly lasting: Set<string>;
}

/** Answers have the request in them, and perhaps a text. */
const ANSWER_SIZE = 4096;

/** The kernel is to say in words what it does not like; older ones cannot. */
export function wantReasons(block: BlockBuilder, socket: Register): void {
  const on = block.memory.bytes(Uint8Array.of(1, 0, 0, 0));
  for (const option of [NETLINK_OPTION.EXT_ACK, NETLINK_OPTION.CAP_ACK])
    block.sys("setsockopt", [socket, SOL_NETLINK, option, on, 4], { tolerate: "any" });
}

/**
 * Sends requests of one place in as few pieces as possible. The kernel carries out all messages of a piece, in their order, before sendto(2) returns; only the
 * last one asks for an acknowledgement, so the first answer is that, or the first error.
 */
export function sendRequests(
  sockets: NetSockets,
  requests: readonly MemberStep<Request>[],
  otherwise?: { readonly on: readonly number[]; readonly to: Label },
): void {
  let piece: MemberStep<Request>[] = [];
  const flush = () => {
    if (piece.length > 0) sendPiece(sockets, piece, otherwise);
    piece = [];
  };
  for (const request of requests) {
    const { fills = [], tolerate = [] } = request.step;
    const unknown = fills.some(({ value }) => "link" in value && !sockets.indexes.has(keyOf(value)));
    // An interface can be looked up only when it has been made.
    if (unknown && piece.some(({ step }) => givesName(step.message))) flush();
    if (tolerate.length === 0) {
      lookUp(sockets, request);
      piece.push(request);
      continue;
    }
    flush();
    const gone = sockets.block.label();
    lookUp(sockets, request, tolerate.includes(E.ENODEV) ? gone : undefined);
    sendPiece(sockets, [request]);
    sockets.block.place(gone);
  }
  flush();
}

export const keyOf = ({ link, place }: { readonly link: string; readonly place: NetPlace }) => `${place} ${link}`;

/** Whether there may be an interface of another name afterwards. */
function givesName(message: Uint8Array): boolean {
  const [first] = decodeMessages(message);
  if (first?.type !== RTM.NEWLINK) return false;
  const attributes = decodeAttributes(first.payload, IFINFOMSG);
  return attributes.has(IFLA.IFNAME) || attributes.has(IFLA.LINKINFO);
}

/** struct ifreq: a name, then what is asked (netdevice(7)). */
const IFREQ = 40;
const IFREQ_INDEX = 16;

export function interfaceRequest(block: BlockBuilder, name: string): DataRef {
  const request = new Uint8Array(IFREQ);
  request.set(new TextEncoder().encode(name));
  return block.memory.bytes(request);
}

/** `gone`: where to go on when it is not there. */
function lookUp(sockets: NetSockets, { member, step }: MemberStep<Request>, gone?: Label): void {
  for (const { value } of step.fills ?? []) if ("link" in value) findIndex(sockets, member, value, gone);
}

/** Where the index of an interface is in memory; looked up when it is needed for the first time. */
export function findIndex(
  { block, socket, indexes }: NetSockets,
  member: string,
  value: { readonly link: string; readonly place: NetPlace },
  gone?: Label,
): DataRef {
  const known = indexes.get(keyOf(value));
  if (known) {
    if (gone) skipWithout(block, known, gone);
    return known;
  }
  const request = interfaceRequest(block, value.link);
  drawNameIn(block, value.link, request);
  const index = block.memory.at(request, IFREQ_INDEX);
  // In a further run of the program it would be the one of the last.
  if (gone) block.store(index, 0, 4);
  block.at(member).sys("ioctl", [socket[value.place], SIOC.GIFINDEX, request], {
    why: `find the interface ${value.link}`,
    ...(gone ? { jump: { on: [E.ENODEV], to: gone } } : {}),
  });
  indexes.set(keyOf(value), index);
  return index;
}

/** What was to be looked up before may not have got that far. */
function skipWithout(block: BlockBuilder, index: DataRef, gone: Label): void {
  const register = block.program.register("link");
  block.load(register, index, 4);
  block.jumpIf(register, 0, gone);
}

function sendPiece(
  sockets: NetSockets,
  piece: readonly MemberStep<Request>[],
  otherwise?: Parameters<typeof sendRequests>[2],
): void {
  const { block, socket } = sockets;
  const [first] = piece;
  if (!first) return;
  block.at(first.member);
  const { bytes, starts } = join(piece.map(({ step }) => step.message));
  const place = block.memory.bytes(bytes);
  fill(sockets, piece, place, starts);
  piece.forEach(({ step }, number) => {
    drawNameWithin(block, step.message, block.memory.at(place, starts[number] ?? 0));
  });
  const why = piece.map(({ step }) => step.why).join(", ");
  const answer = exchange(block, socket[first.step.place], { at: place, length: bytes.length }, why);
  for (const errno of otherwise?.on ?? []) block.jumpIf(answer.error, -errno, otherwise?.to ?? block.label());
  expectDone(block, answer, piece);
}

/** All messages one after the other, numbered from 1 on; the last one asks for an answer in any case. */
export function join(messages: readonly Uint8Array[]): {
  readonly bytes: Uint8Array;
  readonly starts: readonly number[];
} {
  const bytes = new Uint8Array(messages.reduce((sum, { length }) => sum + length, 0));
  const view = viewOf(bytes);
  const starts: number[] = [];
  let at = 0;
  messages.forEach((message, index) => {
    bytes.set(message, at);
    const flags = view.getUint16(at + NLMSG_FLAGS, true) & ~NLM_F.ACK;
    view.setUint16(at + NLMSG_FLAGS, index === messages.length - 1 ? flags | NLM_F.ACK : flags, true);
    view.setUint32(at + NLMSG_SEQUENCE, index + 1, true);
    starts.push(at);
    at += message.length;
  });
  return { bytes, starts };
}

/** Puts in what is known by now. */
function fill(
  { block, namespace, indexes }: NetSockets,
  piece: readonly MemberStep<Request>[],
  place: DataRef,
  starts: readonly number[],
): void {
  const index = block.program.register("link");
  let loaded: DataRef | undefined;
  piece.forEach(({ step }, number) => {
    for (const { at, value } of step.fills ?? []) {
      const to = block.memory.at(place, (starts[number] ?? 0) + at);
      if ("namespace" in value) {
        block.store(to, namespace[value.namespace], 4);
        continue;
      }
      const from = indexes.get(keyOf(value));
      if (from && from !== loaded) block.load(index, from, 4);
      loaded = from;
      block.store(to, index, 4);
    }
  });
}

export interface Answer {
  readonly at: DataRef;
  readonly length: Register;
  readonly error: Register;
}

/** Sends messages and takes the first answer. */
export function exchange(
  block: BlockBuilder,
  socket: Register,
  message: { readonly at: DataRef; readonly length: number | Register },
  why: string,
): Answer {
  const at = answerBuffer(block);
  const error = block.program.register("error");
  block.sys("sendto", [socket, message.at, message.length, 0, 0, 0], { why });
  // It is there already: so nobody ever waits for one that does not come.
  const length = block.sysResult("length", "recvfrom", [socket, at, ANSWER_SIZE, MSG.DONTWAIT, 0, 0], { why });
  block.load(error, block.memory.at(at, NLMSGERR_ERROR), 4, true);
  return { at, length, error };
}

const buffers = new WeakMap<object, DataRef>();
/** One for a whole program. */
function answerBuffer(block: BlockBuilder): DataRef {
  const known = buffers.get(block.program) ?? block.memory.zeroed(ANSWER_SIZE);
  buffers.set(block.program, known);
  return known;
}

/** Which request has failed is known by the number in the answer; what the kernel says of it goes to the application, who makes an error of it. */
export function expectDone(
  block: BlockBuilder,
  { at, length, error }: Answer,
  piece: readonly {
    readonly member: string;
    readonly step: { readonly why: string; readonly tolerate?: readonly number[] };
  }[],
): void {
  const done = block.label();
  block.jumpIf(error, 0, done);
  for (const errno of piece.length === 1 ? (piece[0]?.step.tolerate ?? []) : []) block.jumpIf(error, -errno, done);
  block.send(REPORT.NETLINK, at, length);
  const number = block.program.register("number");
  if (piece.length > 1) block.load(number, block.memory.at(at, NLMSG_SEQUENCE), 4);
  piece.forEach(({ member, step }, index) => {
    const next = block.label();
    if (index < piece.length - 1) block.jumpUnless(number, index + 1, next);
    block.at(member).fail(E.EIO, step.why);
    block.place(next);
  });
  block.place(done);
}
