/**
 * Runs classic BPF programs as seccomp(2) does, and refuses what the kernel's checker refuses (bpf_check_classic and
 * seccomp_check_filter): unknown opcodes, loads outside of `struct seccomp_data`, jumps out of the program.
 */

/** `struct seccomp_data`, without the instruction pointer. */
export interface SeccompData {
  readonly nr: number;
  readonly arch: number;
  /** Six unsigned 64-bit numbers. */
  readonly args: readonly bigint[];
}

interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

export interface Run {
  /** What the program returned. */
  readonly result: number;
  /** How many instructions ran. */
  readonly steps: number;
}

const sizeOfSeccompData = 64;

const comparisons: ReadonlyMap<number, (a: number, k: number) => boolean> = new Map([
  [0x15, (a: number, k: number) => a === k],
  [0x25, (a: number, k: number) => a > k],
  [0x35, (a: number, k: number) => a >= k],
  [0x45, (a: number, k: number) => (a & k) !== 0],
]);

function decode(filter: Uint8Array): readonly Instruction[] {
  const view = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
  return Array.from({ length: filter.byteLength / 8 }, (_, index) => ({
    code: view.getUint16(index * 8, true),
    jt: view.getUint8(index * 8 + 2),
    jf: view.getUint8(index * 8 + 3),
    k: view.getUint32(index * 8 + 4, true),
  }));
}

function check(program: readonly Instruction[]): void {
  if (program.length === 0 || program.length > 4096) throw new Error(`a program of ${program.length} instructions`);
  for (const [index, { code, jt, jf, k }] of program.entries()) {
    const where = `instruction ${index}`;
    if (code === 0x20) {
      if (k % 4 !== 0 || k >= sizeOfSeccompData) throw new Error(`${where}: load from offset ${k}`);
    } else if (code === 0x05) {
      if (index + 1 + k >= program.length) throw new Error(`${where}: jump out of the program`);
    } else if (comparisons.has(code)) {
      if (index + 1 + Math.max(jt, jf) >= program.length) throw new Error(`${where}: branch out of the program`);
    } else if (code !== 0x06 && code !== 0x54) {
      throw new Error(`${where}: opcode 0x${code.toString(16)}`);
    }
  }
  if (program.at(-1)?.code !== 0x06) throw new Error("the last instruction is no return");
}

function loadWord(data: SeccompData, offset: number): number {
  if (offset === 0) return data.nr;
  if (offset === 4) return data.arch;
  if (offset < 16) throw new Error("the instruction pointer is not simulated");
  const argument = data.args[(offset - 16) >> 3] ?? 0n;
  return Number(offset % 8 === 0 ? argument & 0xffff_ffffn : argument >> 32n);
}

function execute(program: readonly Instruction[], data: SeccompData): Run {
  let accumulator = 0;
  let pc = 0;
  for (let steps = 1; ; steps++) {
    const instruction = program[pc];
    if (instruction === undefined) throw new Error(`ran out of the program at ${pc}`);
    const { code, jt, jf, k } = instruction;
    pc++;
    if (code === 0x06) return { result: k, steps };
    if (code === 0x20) accumulator = loadWord(data, k);
    else if (code === 0x54) accumulator = (accumulator & k) >>> 0;
    else if (code === 0x05) pc += k;
    else pc += comparisons.get(code)?.(accumulator, k) ? jt : jf;
  }
}

/** Checks a program once, and returns a function which runs it. */
export function loadFilter(filter: Uint8Array): (data: SeccompData) => Run {
  const program = decode(filter);
  check(program);
  return (data) => execute(program, data);
}

/** The program as text, one instruction a line, in the manner of bpf_asm: `3: jge #41 ? 10 : 4`. */
export function disassemble(filter: Uint8Array): string {
  const branches: Readonly<Record<number, string>> = { 21: "jeq", 37: "jgt", 53: "jge", 69: "jset" };
  const hex = (value: number) => `0x${value.toString(16)}`;
  return decode(filter)
    .map(({ code, jt, jf, k }, index) => {
      if (code === 0x06) return `${index}: ret ${hex(k)}`;
      if (code === 0x20) return `${index}: ld [${k}]`;
      if (code === 0x54) return `${index}: and ${hex(k)}`;
      if (code === 0x05) return `${index}: ja ${index + 1 + k}`;
      return `${index}: ${branches[code] ?? `opcode ${hex(code)}`} ${hex(k)} ? ${index + 1 + jt} : ${index + 1 + jf}`;
    })
    .join("\n");
}
