/**
 * Runs programs for devices as the kernel does (BPF_PROG_TYPE_CGROUP_DEVICE), and refuses what its verifier would: unknown opcodes, reading what was not written,
 * jumps out of the program or backwards, words outside of the context.
 */
export interface DeviceAccess {
  readonly type: "c" | "b";
  readonly major: number;
  readonly minor: number;
  /** Letters of r, w and m. */
  readonly access: string;
}

interface Instruction {
  readonly code: number;
  readonly dst: number;
  readonly src: number;
  readonly offset: number;
  readonly immediate: number;
}

function decode(program: Uint8Array): readonly Instruction[] {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  return Array.from({ length: program.length / 8 }, (_, index) => ({
    code: view.getUint8(index * 8),
    dst: view.getUint8(index * 8 + 1) & 15,
    src: view.getUint8(index * 8 + 1) >> 4,
    offset: view.getInt16(index * 8 + 2, true),
    immediate: view.getInt32(index * 8 + 4, true),
  }));
}

const TYPES = { b: 1, c: 2 };
const RIGHTS: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };

/** Whether the program allows the access. */
export function runDeviceProgram(program: Uint8Array, { type, major, minor, access }: DeviceAccess): boolean {
  const rights = [...access].reduce((mask, right) => mask | (RIGHTS[right] ?? 0), 0);
  const context = [(rights << 16) | TYPES[type], major, minor];
  const instructions = decode(program);
  const registers: (number | undefined)[] = Array(11).fill(undefined);
  const read = (index: number) => {
    const value = registers[index];
    if (value === undefined) throw new Error(`R${index} is read before it is written`);
    return value;
  };
  for (let pc = 0; ; pc++) {
    const instruction = instructions[pc];
    if (!instruction) throw new Error(`ran out of the program at ${pc}`);
    const { code, dst, src, offset, immediate } = instruction;
    if (offset < 0 && code !== 0x61) throw new Error(`jump backwards at ${pc}`);
    if (code === 0x61) {
      const word = context[offset / 4];
      if (src !== 1 || word === undefined) throw new Error(`load from outside of the context at ${pc}`);
      registers[dst] = word;
    } else if (code === 0xbc) registers[dst] = read(src);
    else if (code === 0xb7) registers[dst] = immediate;
    else if (code === 0x54) registers[dst] = (read(dst) & immediate) >>> 0;
    else if (code === 0x74) registers[dst] = read(dst) >>> immediate;
    else if (code === 0x15) pc += read(dst) === immediate ? offset : 0;
    else if (code === 0x55) pc += read(dst) === immediate ? 0 : offset;
    else if (code === 0x95) return read(0) === 1;
    else throw new Error(`opcode 0x${code.toString(16)} at ${pc}`);
  }
}

/** As text, one instruction a line, in the manner of the kernel's verifier. */
export function disassembleDeviceProgram(program: Uint8Array): string {
  return decode(program)
    .map(({ code, dst, src, offset, immediate }, pc) => {
      const target = pc + 1 + offset;
      if (code === 0x61) return `${pc}: r${dst} = *(u32 *)(r${src} + ${offset})`;
      if (code === 0xbc) return `${pc}: w${dst} = w${src}`;
      if (code === 0xb7) return `${pc}: r${dst} = ${immediate}`;
      if (code === 0x54) return `${pc}: w${dst} &= ${immediate}`;
      if (code === 0x74) return `${pc}: w${dst} >>= ${immediate}`;
      if (code === 0x15) return `${pc}: if r${dst} == ${immediate} goto ${target}`;
      if (code === 0x55) return `${pc}: if r${dst} != ${immediate} goto ${target}`;
      return code === 0x95 ? `${pc}: exit` : `${pc}: opcode 0x${code.toString(16)}`;
    })
    .join("\n");
}
