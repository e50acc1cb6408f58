/** Transactions of nf_tables. The worker stands in the network namespace that they are about. */
import {
  AF,
  align,
  NETLINK_NETFILTER,
  NLM_F,
  NLMSG,
  NLMSG_FLAGS,
  NLMSG_HEADER,
  NLMSG_TYPE,
  SOCK,
  viewOf,
} from "../linux/index.ts";
import type { BlockBuilder, Label, Register } from "../program/index.ts";
import type { NetStep, NetTransaction } from "../spec/index.ts";
import { UNDO_TOLERATES, undoFromFile } from "./net-files.ts";
import { exchange, expectDone, wantReasons } from "./net-requests.ts";
import type { NetWorker } from "./net-worker.ts";

type Step<D extends NetStep["do"]> = Extract<NetStep, { readonly do: D }>;

/** A batch is done as a whole or not at all. */
export function sendBatch(worker: NetWorker, member: string, step: NetTransaction): void {
  const { block } = worker;
  const inside = step.place === "container";
  const socket = step.tolerate || inside ? openNftables(block, "nftables_own") : nftablesSocket(worker);
  const there = block.label();
  if (step.unless) skipIfAnswered(block, socket, step.unless, { to: there, why: step.why });
  const at = block.memory.bytes(acknowledgeLast(step.batch));
  const answer = exchange(block, socket, { at, length: step.batch.length }, step.why);
  expectDone(block, answer, [{ member, step }]);
  block.place(there);
  // It would keep the container's namespace.
  if (inside) block.sys("close", [socket]);
}

/** One for all batches: where one has failed nothing follows. A batch that may fail has its own, as all of its errors are told, and only the first one is read. */
function nftablesSocket(worker: NetWorker): Register {
  worker.nftables ??= openNftables(worker.block, "nftables");
  return worker.nftables;
}

/**
 * It stays open until the monitor ends: to close it means to wait until the kernel has freed what any transaction has taken away, which takes a grace period of
 * RCU (nft_rcv_nl_event in net/netfilter/nf_tables_api.c).
 */
function openNftables(block: BlockBuilder, register: string): Register {
  const socket = block.sysResult(register, "socket", [AF.NETLINK, SOCK.RAW | SOCK.CLOEXEC, NETLINK_NETFILTER]);
  wantReasons(block, socket);
  return socket;
}

/**
 * A batch that fails costs a grace period of RCU, as the kernel waits for everybody who may have seen what it takes back (__nf_tables_abort in
 * net/netfilter/nf_tables_api.c): so it is asked first, which costs nothing.
 */
function skipIfAnswered(
  block: BlockBuilder,
  socket: Register,
  question: Uint8Array,
  { to, why }: { readonly to: Label; readonly why: string },
): void {
  const { at } = exchange(block, socket, { at: block.memory.bytes(question), length: question.length }, why);
  const type = block.program.register("error");
  block.load(type, block.memory.at(at, NLMSG_TYPE), 2);
  block.jumpUnless(type, NLMSG.ERROR, to);
}

const UNDONE_BY = "nftables_undo";

export function undo({ block }: NetWorker, member: string, step: Step<"undo">): void {
  undoFromFile(block, step, (bytes) => {
    const socket = openNftables(block, UNDONE_BY);
    const answer = exchange(block, socket, bytes, step.why);
    expectDone(block, answer, [{ member, step: { why: step.why, tolerate: UNDO_TOLERATES } }]);
  });
}

/**
 * The end of an epilogue that has taken rules away: it is told before the socket is closed, which happens with the monitor's end. Whoever closes it holds what all
 * other transactions wait for, so a grace period is waited for first without it (MEMBARRIER_CMD_GLOBAL in membarrier(2)).
 */
export function endAfterUndo(epilogue: BlockBuilder): void {
  const nothing = epilogue.label();
  epilogue.jumpIf(epilogue.program.register(UNDONE_BY), 0, nothing);
  epilogue.done();
  epilogue.sys("membarrier", [MEMBARRIER_CMD_GLOBAL, 0, 0], { tolerate: "any" });
  epilogue.place(nothing);
}

const MEMBARRIER_CMD_GLOBAL = 1;

/** Of a transaction that fails the answers to those before are told first: only the last message before its end asks for one, so the first answer tells all. */
function acknowledgeLast(batch: Uint8Array): Uint8Array {
  const bytes = batch.slice();
  const view = viewOf(bytes);
  const starts: number[] = [];
  for (let at = 0; at + NLMSG_HEADER <= bytes.length; at += Math.max(align(view.getUint32(at, true)), NLMSG_HEADER))
    starts.push(at);
  for (const [index, at] of starts.entries()) {
    const flags = view.getUint16(at + NLMSG_FLAGS, true) & ~NLM_F.ACK;
    view.setUint16(at + NLMSG_FLAGS, index === starts.length - 2 ? flags | NLM_F.ACK : flags, true);
  }
  return bytes;
}
