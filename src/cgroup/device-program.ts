import { EBPF } from "../linux/index.ts";
import type { DeviceRule } from "../spec/index.ts";
import { type FullRule, fullRule } from "./devices.ts";

/** `BPF_DEVCG_DEV_*` and `BPF_DEVCG_ACC_*` of <linux/bpf.h>. */
const TYPE = { b: 1, c: 2 } as const;
const ACCESS = { m: 1, r: 2, w: 4 } as const;

/** Registers: the context comes in R1, the result goes out in R0; the others are of our choice. */
const [RESULT, CONTEXT, TYPE_IS, LEFT, MAJOR, MINOR, SCRATCH] = [0, 1, 2, 3, 4, 5, 6];

/** One instruction; `skip` jumps are of `jump` instructions beyond it. */
interface Instruction {
  readonly code: number;
  readonly dst?: number;
  readonly src?: number;
  readonly offset?: number;
  readonly immediate?: number;
}

/**
 * The rules as a program of type BPF_PROG_TYPE_CGROUP_DEVICE, which the kernel asks for each use of a device. It goes through the rules from the last to the
 * first and keeps in a register which of the wanted rights nobody has spoken of yet: a rule that allows takes its rights out, one that denies one of them ends
 * in a refusal. When no right is left, all are allowed.
 */
export function deviceProgram(rules: readonly DeviceRule[]): Uint8Array {
  const program = [...begin(), ...rules.map(fullRule).reverse().flatMap(ruleCode), ...leave(0)];
  return encode(program);
}

/** struct bpf_cgroup_dev_ctx: access_type ((rights << 16) | type), major, minor. */
function begin(): readonly Instruction[] {
  return [
    { code: EBPF.LOAD_WORD, dst: LEFT, src: CONTEXT, offset: 0 },
    { code: EBPF.MOVE, dst: TYPE_IS, src: LEFT },
    { code: EBPF.AND_IMMEDIATE, dst: TYPE_IS, immediate: 0xffff },
    { code: EBPF.SHIFT_RIGHT_IMMEDIATE, dst: LEFT, immediate: 16 },
    { code: EBPF.LOAD_WORD, dst: MAJOR, src: CONTEXT, offset: 4 },
    { code: EBPF.LOAD_WORD, dst: MINOR, src: CONTEXT, offset: 8 },
  ];
}

function ruleCode({ allow, type, major, minor, access }: FullRule): readonly Instruction[] {
  const rights = [...access].reduce((mask, right) => mask | (ACCESS[right as keyof typeof ACCESS] ?? 0), 0);
  const body = allow ? allowing(rights) : denying(rights);
  const tests: [number, number][] = [];
  if (type !== "a") tests.push([TYPE_IS, TYPE[type]]);
  if (major !== -1) tests.push([MAJOR, major]);
  if (minor !== -1) tests.push([MINOR, minor]);
  const skip = tests.map(
    ([dst, immediate], index): Instruction => ({
      code: EBPF.JUMP_UNLESS_EQUAL_IMMEDIATE,
      dst,
      immediate,
      offset: body.length + tests.length - 1 - index,
    }),
  );
  return [...skip, ...body];
}

const allowing = (rights: number): readonly Instruction[] => [
  { code: EBPF.AND_IMMEDIATE, dst: LEFT, immediate: ~rights & 7 },
  { code: EBPF.JUMP_UNLESS_EQUAL_IMMEDIATE, dst: LEFT, immediate: 0, offset: 2 },
  ...leave(1),
];

const denying = (rights: number): readonly Instruction[] => [
  { code: EBPF.MOVE, dst: SCRATCH, src: LEFT },
  { code: EBPF.AND_IMMEDIATE, dst: SCRATCH, immediate: rights },
  { code: EBPF.JUMP_IF_EQUAL_IMMEDIATE, dst: SCRATCH, immediate: 0, offset: 2 },
  ...leave(0),
];

const leave = (result: 0 | 1): readonly Instruction[] => [
  { code: EBPF.MOVE_IMMEDIATE, dst: RESULT, immediate: result },
  { code: EBPF.EXIT },
];

/** struct bpf_insn: u8 code, 4 bits of dst, 4 bits of src, s16 off, s32 imm. */
function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  program.forEach(({ code, dst = 0, src = 0, offset = 0, immediate = 0 }, index) => {
    view.setUint8(index * 8, code);
    view.setUint8(index * 8 + 1, dst | (src << 4));
    view.setInt16(index * 8 + 2, offset, true);
    view.setInt32(index * 8 + 4, immediate, true);
  });
  return bytes;
}
