/**
 * The contract between the library and the executor: one table for both sides.
 * `scripts/generate-protocol.ts` writes native/protocol.h from it; docs/executor.md explains it.
 */

/** "CTP1", the first four bytes of an encoded program. */
export const PROGRAM_MAGIC = 0x31_50_54_43;
export const PROTOCOL_VERSION = 3;

/** What an operation does. Numbers are the wire format. */
export const OP = {
  SYSCALL: 1,
  SPAWN: 2,
  LOAD: 3,
  STORE: 4,
  DECIMAL: 5,
  NOTIFY: 6,
  SEND: 7,
  AWAIT: 8,
  SUPERVISE: 9,
  EXPECT: 10,
  JUMP: 11,
  FAIL: 12,
  CLOSE_FROM: 13,
  LOG: 14,
  RESTART: 15,
  DONE: 16,
} as const;

/** How an argument of an operation is read. */
export const KIND = { IMMEDIATE: 0, DATA: 1, REGISTER: 2 } as const;

/** Bits of an operation's `flags`; each belongs to the operation named first. */
export const OP_FLAG = {
  SPAWN_CLONE3: 1,
  COMPARE_NOT_EQUAL: 1,
  LOAD_SIGNED: 1,
  SUPERVISE_KEEP_RUNNING: 1,
  RESTART_ON_FAILURE: 1,
} as const;

/** Frame types from the application to the zygote. */
export const REQUEST = { RUN: 1, CALL: 2, GO: 3 } as const;

/** Frame types from the zygote, a monitor or a container's set-up to the application. */
export const EVENT = {
  HELLO: 0x81,
  NOTIFY: 0x82,
  DATA: 0x83,
  FAIL: 0x84,
  EXIT: 0x85,
  DONE: 0x86,
  RESULT: 0x87,
  REFUSED: 0x88,
  LOST: 0x89,
} as const;

/** Sizes in bytes, counts, and descriptor numbers that both sides know. */
export const LIMIT = {
  FRAME_HEADER: 16,
  PROGRAM_HEADER: 32,
  OP_SIZE: 72,
  BLOCK_SIZE: 8,
  RELOCATION_SIZE: 8,
  REGISTERS: 64,
  ARGS: 6,
  TOLERATED: 4,
  JUMP_ERRNOS: 2,
  MAX_OPS: 8192,
  MAX_BLOCKS: 64,
  MAX_RELOCATIONS: 16384,
  EXIT_REPORT: 48,
  MAX_PROGRAM: 1048576,
  MAX_CALL: 65536,
  MAX_CONTAINERS: 16384,
  CONTROL_FD: 3,
  COMMAND_FD: 4,
  FIRST_FREE_FD: 5,
  MAX_PASSED: 64,
  NO_REGISTER: 255,
  NO_BLOCK: 65535,
  ANY_ERRNO: 255,
} as const;
