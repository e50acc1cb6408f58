/** What a network namespace calls another one (RTM_GETNSID of linux/rtnetlink.h, linux/net_namespace.h). */
import { attribute, readS32 } from "./attributes.ts";
import { decodeAttributes, type NetlinkMessage, NLM_F, netlinkMessage } from "./message.ts";

const [RTM_NEWNSID, RTM_GETNSID] = [88, 90];
const NETNSA = { NSID: 1, PID: 2 } as const;
/** struct rtgenmsg: u8 family; attributes begin at a multiple of four. */
const RTGENMSG = 4;

/** Asks for that of a process, by its pid. */
export const getNamespaceId = (pid: number): Uint8Array =>
  netlinkMessage({ type: RTM_GETNSID, flags: NLM_F.REQUEST }, new Uint8Array(RTGENMSG), [
    attribute.u32(NETNSA.PID, pid),
  ]);

/** Undefined when the message tells of none, or when it has no number here: nothing leads there. */
export function decodeNamespaceId({ type, payload }: NetlinkMessage): number | undefined {
  if (type !== RTM_NEWNSID) return undefined;
  const id = readS32(decodeAttributes(payload, RTGENMSG).get(NETNSA.NSID));
  return id === undefined || id < 0 ? undefined : id;
}
