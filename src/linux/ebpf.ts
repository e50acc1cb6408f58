/**
 * eBPF as bpf(2) takes it: opcodes of <linux/bpf.h>, as far as a program for devices needs them. Arithmetic is of 32 bits: the verifier then knows the upper
 * half to be zero, and the values are no larger.
 */
export const EBPF = {
  /** `BPF_LDX | BPF_MEM | BPF_W` */
  LOAD_WORD: 0x61,
  /** `BPF_ALU | BPF_MOV | BPF_X` */
  MOVE: 0xbc,
  /** `BPF_ALU64 | BPF_MOV | BPF_K` */
  MOVE_IMMEDIATE: 0xb7,
  /** `BPF_ALU | BPF_AND | BPF_K` */
  AND_IMMEDIATE: 0x54,
  /** `BPF_ALU | BPF_RSH | BPF_K` */
  SHIFT_RIGHT_IMMEDIATE: 0x74,
  /** `BPF_JMP | BPF_JEQ | BPF_K` */
  JUMP_IF_EQUAL_IMMEDIATE: 0x15,
  /** `BPF_JMP | BPF_JNE | BPF_K` */
  JUMP_UNLESS_EQUAL_IMMEDIATE: 0x55,
  /** `BPF_JMP | BPF_EXIT` */
  EXIT: 0x95,
} as const;

/** Commands of bpf(2). */
export const BPF_CMD = { PROG_LOAD: 5, PROG_ATTACH: 8, PROG_DETACH: 9, PROG_GET_FD_BY_ID: 13, PROG_QUERY: 16 } as const;
export const BPF_PROG_TYPE_CGROUP_DEVICE = 15;
export const BPF_CGROUP_DEVICE = 6;
/** Flags of BPF_PROG_ATTACH: several programs, all of which must agree; and take another one's place. */
export const BPF_F = { ALLOW_MULTI: 2, REPLACE: 4 } as const;
