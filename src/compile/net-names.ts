import { decodeAttributes, decodeMessages, decodeText, IFINFOMSG, IFLA, NLMSG_HEADER, RTM } from "../linux/index.ts";
import type { BlockBuilder, DataRef, ProgramBuilder, Register } from "../program/index.ts";
import { DRAWN_DIGITS, digitsOf } from "../spec/index.ts";

/** Puts the digits of a drawn name where they belong in a text, such as that name alone or a path with it, which lies at `at`; another one stays as it is. */
export function drawNameIn(block: BlockBuilder, text: string, at: DataRef): void {
  const digits = digitsOf(text);
  if (digits === undefined) return;
  block.decimal(block.memory.at(at, digits), drawnNumber(block), DRAWN_DIGITS, "0");
}

/** The same for the name that a message gives; `at` is where the message lies. */
export function drawNameWithin(block: BlockBuilder, message: Uint8Array, at: DataRef): void {
  const [first] = decodeMessages(message);
  if (first?.type !== RTM.NEWLINK) return;
  const name = decodeAttributes(first.payload, IFINFOMSG).get(IFLA.IFNAME);
  if (!name) return;
  const offset = NLMSG_HEADER + name.byteOffset - first.payload.byteOffset;
  drawNameIn(block, decodeText(name), block.memory.at(at, offset));
}

const numbers = new WeakMap<ProgramBuilder, Register>();

/** One for all names of a run: drawn when the first of them is needed, and known until the end. */
function drawnNumber(block: BlockBuilder): Register {
  const known = numbers.get(block.program);
  if (known) return known;
  const drawn = block.program.register("drawn");
  const bytes = block.memory.zeroed(8);
  block.sys("getrandom", [bytes, 4, 0], { why: "draw a name that no other interface has" });
  block.load(drawn, bytes, 4);
  numbers.set(block.program, drawn);
  return drawn;
}
