import { type CallResult, hostArch } from "../../executor/index.ts";
import type { Arch } from "../../linux/index.ts";
import {
  type BlockBuilder,
  type DataRef,
  encodeProgram,
  ProgramBuilder,
  type WrittenCall,
} from "../../program/index.ts";
import { encodeName } from "./name-bytes.ts";
import type { Session } from "./session.ts";

/**
 * Has a session do something that is not one of the calls in their order. `text` is a name of the layer, whose bytes need not be UTF-8. The first registers are
 * left alone: they hold what those calls are about.
 */
export function beside<Call extends WrittenCall>(
  session: Session<Call>,
  write: (block: BlockBuilder, text: (name: string) => DataRef, arch: Arch) => void,
): Promise<CallResult> {
  const arch = hostArch();
  const program = new ProgramBuilder(arch);
  program.register("file");
  program.register("written");
  const block = program.block("beside");
  write(block, (name) => program.memory.bytes(terminated(name), 1), arch);
  return session.call(encodeProgram(program.finish()));
}

function terminated(name: string): Uint8Array {
  const bytes = encodeName(name);
  const whole = new Uint8Array(bytes.length + 1);
  whole.set(bytes);
  return whole;
}
