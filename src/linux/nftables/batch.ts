import { decodeMessages, NFNL_SUBSYS_NFTABLES, NLM_F, netlinkMessage } from "../index.ts";
import { NFNL_MSG_BATCH, NFPROTO } from "./constants.ts";
import { type Change, decodeObject, encodeChange, nfgenmsg, type Told } from "./objects.ts";

/** Where other messages have no resource a batch's edges have the subsystem that it is for (nfnetlink.h). */
const edge = (type: number, sequence: number) =>
  netlinkMessage({ type, flags: NLM_F.REQUEST, sequence }, nfgenmsg(NFPROTO.UNSPEC, NFNL_SUBSYS_NFTABLES));

/**
 * A transaction: the kernel makes all changes or none. Only the last of them asks to be acknowledged, so that the first answer is that of the whole: 0, or the
 * error of the first change that failed (nfnetlink_rcv_batch in net/netfilter/nfnetlink.c delivers them in order).
 */
export function encodeBatch(changes: readonly Change[]): Uint8Array {
  const messages = changes.map((change, index) => encodeChange(change, index + 1, index === changes.length - 1));
  return join([edge(NFNL_MSG_BATCH.BEGIN, 0), ...messages, edge(NFNL_MSG_BATCH.END, changes.length + 1)]);
}

/** The changes of a batch, or the objects of a dump. */
export const decodeObjects = (bytes: Uint8Array): readonly Told[] =>
  decodeMessages(bytes).flatMap((message) => decodeObject(message) ?? []);

function join(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
