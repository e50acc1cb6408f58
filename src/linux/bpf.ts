/**
 * An assembler for classic BPF as seccomp(2) runs it.
 *
 * Jumps of classic BPF only go forward, by at most 255 instructions when they are conditional. So a program is written
 * from its end to its start: every jump's target exists already, its distance is known at once, and where it is too
 * far, a stepping stone (an unconditional jump, or a copy of the return) is laid right behind the jump.
 *
 * @see https://www.kernel.org/doc/html/latest/networking/filter.html
 */

/** `BPF_MAXINSNS` of <linux/bpf_common.h>. */
export const BPF_MAXINSNS = 4096;

/** Opcodes of <linux/bpf_common.h>, as far as a seccomp filter needs them. */
export const BPF = {
  /** `BPF_LD | BPF_W | BPF_ABS`: A = 32 bits of `struct seccomp_data` at k. */
  load: 0x20,
  /** `BPF_ALU | BPF_AND | BPF_K`: A &= k. */
  and: 0x54,
  /** `BPF_JMP | BPF_JA` */
  jump: 0x05,
  /** `BPF_JMP | BPF_JEQ | BPF_K` */
  jumpIfEqual: 0x15,
  /** `BPF_JMP | BPF_JGT | BPF_K` */
  jumpIfGreater: 0x25,
  /** `BPF_JMP | BPF_JGE | BPF_K` */
  jumpIfGreaterOrEqual: 0x35,
  /** `BPF_RET | BPF_K` */
  return: 0x06,
} as const;

/** `sizeof(struct sock_filter)` */
export const SOCK_FILTER_SIZE = 8;

/** An instruction of a program that is being written: its distance from the program's end. */
export type Label = number;

export type Comparison = typeof BPF.jumpIfEqual | typeof BPF.jumpIfGreater | typeof BPF.jumpIfGreaterOrEqual;

interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

const longestBranch = 255;

/** Writes a program backwards: the last instruction first. */
export class BackwardAssembler {
  readonly #program: Instruction[] = [];
  readonly #returns = new Map<number, Label>();

  get length(): number {
    return this.#program.length;
  }

  /** `return value`. The nearest one that exists already is used when a branch reaches it. */
  returns(value: number): Label {
    const known = this.#returns.get(value);
    if (known !== undefined && this.#distance(known) < longestBranch) return known;
    const label = this.#push(BPF.return, 0, 0, value);
    this.#returns.set(value, label);
    return label;
  }

  /** `A = data[offset]`, then goes on at `next`. */
  load(offset: number, next: Label): Label {
    this.#continueAt(next);
    return this.#push(BPF.load, 0, 0, offset);
  }

  /** `A &= mask`, then goes on at `next`. */
  and(mask: number, next: Label): Label {
    this.#continueAt(next);
    return this.#push(BPF.and, 0, 0, mask);
  }

  /** `if (A <comparison> value) goto yes; else goto no`. */
  branch(comparison: Comparison, value: number, yes: Label, no: Label): Label {
    if (yes === no) return yes;
    let [near, far] = [yes, no];
    while (Math.max(this.#distance(near), this.#distance(far)) > longestBranch) {
      if (this.#distance(near) > this.#distance(far)) near = this.#steppingStone(near);
      else far = this.#steppingStone(far);
    }
    return this.#push(comparison, this.#distance(near), this.#distance(far), value);
  }

  /** `label`, or what follows it, when all that it does is to load the word at `offset`, which A holds already. */
  afterLoad(offset: number, label: Label): Label {
    const instruction = this.#program[label];
    return instruction?.code === BPF.load && instruction.k === offset ? label - 1 : label;
  }

  /** The program as an array of `struct sock_filter`, little-endian, for one that starts at `start`. */
  finish(start: Label): Uint8Array {
    this.#continueAt(start);
    const bytes = new Uint8Array(this.#program.length * SOCK_FILTER_SIZE);
    const view = new DataView(bytes.buffer);
    let offset = bytes.length;
    for (const { code, jt, jf, k } of this.#program) {
      offset -= SOCK_FILTER_SIZE;
      view.setUint16(offset, code, true);
      view.setUint8(offset + 2, jt);
      view.setUint8(offset + 3, jf);
      view.setUint32(offset + 4, k, true);
    }
    return bytes;
  }

  /** How many instructions the next one to be written would skip to reach `label`. */
  #distance(label: Label): number {
    return this.#program.length - 1 - label;
  }

  #push(code: number, jt: number, jf: number, k: number): Label {
    return this.#program.push({ code, jt, jf, k }) - 1;
  }

  #continueAt(next: Label): void {
    if (this.#distance(next) !== 0) this.#steppingStone(next);
  }

  #steppingStone(label: Label): Label {
    const target = this.#program[label];
    if (target?.code !== BPF.return) return this.#push(BPF.jump, 0, 0, this.#distance(label));
    const copy = this.#push(BPF.return, 0, 0, target.k);
    this.#returns.set(target.k, copy);
    return copy;
  }
}
