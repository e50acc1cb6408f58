import { readText, readU32 } from "./attributes.ts";
import { decodeAttributes, decodeError, type NetlinkMessage, NLMSG_HEADER, viewOf } from "./message.ts";

/** setsockopt(2): level and options by which answers say more (netlink(7)). */
export const SOL_NETLINK = 270;
export const NETLINK_OPTION = { CAP_ACK: 10, EXT_ACK: 11, GET_STRICT_CHK: 12 } as const;

/** Flags of an answer (linux/netlink.h): the request in it is only its header; attributes follow. */
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR = { MSG: 1, OFFS: 2 } as const;
/** The errno, and the request's own header. */
const NLMSGERR = 4 + NLMSG_HEADER;

/** What the kernel says to a request. */
export interface Acknowledgement {
  /** 0: done */
  readonly errno: number;
  readonly sequence: number;
  /** The reason in the kernel's words. */
  readonly text: string | undefined;
  /** Where in the request the attribute is that the kernel does not like. */
  readonly offset: number | undefined;
}

/** Undefined when the message is no answer of that kind. */
export function decodeAcknowledgement(message: NetlinkMessage): Acknowledgement | undefined {
  const errno = decodeError(message);
  if (errno === undefined) return undefined;
  const { sequence, flags, payload } = message;
  if (!(flags & NLM_F_ACK_TLVS) || payload.length < NLMSGERR)
    return { errno, sequence, text: undefined, offset: undefined };
  const request = flags & NLM_F_CAPPED ? NLMSG_HEADER : viewOf(payload).getUint32(4, true);
  const attributes = decodeAttributes(payload, 4 + request);
  return {
    errno,
    sequence,
    text: readText(attributes.get(NLMSGERR_ATTR.MSG)),
    offset: readU32(attributes.get(NLMSGERR_ATTR.OFFS)),
  };
}
