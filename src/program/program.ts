import type { Arch } from "../linux/index.ts";

/** A register of the executor: a signed 64-bit number that a system call's result can be kept in. */
export interface Register {
  readonly kind: "register";
  readonly index: number;
  readonly name: string;
}

/** An address in the program's memory; `zero` memory follows the data and need not be sent. */
export interface DataRef {
  readonly kind: "data";
  readonly offset: number;
  readonly zero: boolean;
}

export type Arg = number | bigint | DataRef | Register;

/** A place in a block that a jump can go to; `index` is set when the label is placed. */
export interface Label {
  index: number;
}

export type OpName =
  | "SYSCALL"
  | "SPAWN"
  | "LOAD"
  | "STORE"
  | "DECIMAL"
  | "NOTIFY"
  | "SEND"
  | "AWAIT"
  | "SUPERVISE"
  | "EXPECT"
  | "JUMP"
  | "FAIL"
  | "CLOSE_FROM"
  | "LOG"
  | "RESTART"
  | "DONE";

/** One operation; docs/executor.md says what each does. */
export interface Op {
  readonly op: OpName;
  /** System call number, block, width, code, errno or fill character, by operation. */
  readonly nr: number;
  readonly args: readonly Arg[];
  readonly flags: number;
  readonly dst: Register | undefined;
  readonly tolerate: readonly number[];
  readonly jumpErrnos: readonly number[];
  readonly target: Label | undefined;
  /** The spec member that caused this operation, for errors and listings: `mounts[3]`. */
  readonly member: string;
  /** Why the operation is there, or the text of the error when it fails. */
  readonly why: string | undefined;
}

export interface Block {
  readonly index: number;
  readonly name: string;
  readonly ops: readonly Op[];
}

/** Every system call that makes a container, in order. Pure data: it can be verified, printed, encoded and executed. */
export interface Program {
  readonly arch: Arch;
  readonly blocks: readonly Block[];
  readonly epilogue: Block | undefined;
  readonly data: Uint8Array;
  /** Bytes of zeroed memory after the data. */
  readonly zeroes: number;
  /** memory[where] receives the address of the target. */
  readonly relocations: readonly { readonly where: number; readonly target: DataRef }[];
}
