import { text } from "../linux/index.ts";
import type { BlockBuilder, DataRef, Register } from "../program/index.ts";

/** Before a number in JSON there may be blanks. */
const PID_WIDTH = 10;

/** Text in memory with a pid, known when the program runs, wherever a piece ends and another follows. */
export function textWithPid(
  block: BlockBuilder,
  pieces: readonly string[],
  pid: Register,
): { readonly data: DataRef; readonly length: number } {
  const content = text(pieces.join(" ".repeat(PID_WIDTH)));
  const data = block.memory.bytes(content);
  let at = 0;
  for (const piece of pieces.slice(0, -1)) {
    at += text(piece).length;
    block.decimal(block.memory.at(data, at), pid, PID_WIDTH, " ");
    at += PID_WIDTH;
  }
  return { data, length: content.length };
}
