import { type Arch, syscallNumber } from "../linux/index.ts";
import { Memory } from "./memory.ts";
import type { Arg, Block, DataRef, Label, Op, OpName, Program, Register } from "./program.ts";
import { LIMIT, OP_FLAG } from "./protocol.ts";

/** What can be said of an operation besides its arguments. */
export interface OpOptions {
  /** Receives the result, or -errno of an accepted error. */
  readonly dst?: Register;
  /** Errors to go on after. */
  readonly tolerate?: readonly number[] | "any";
  /** Errors that lead to `to`. */
  readonly jump?: { readonly on: readonly number[] | "any"; readonly to: Label };
  /** What the operation is for, said in an error: "create the mount target". */
  readonly why?: string;
}

const NONE: readonly number[] = [];

const errnos = (given: readonly number[] | "any" = NONE) => (given === "any" ? [LIMIT.ANY_ERRNO] : given);

/** Builds one block; `member` is put on every operation added while it is set. */
export class BlockBuilder implements Block {
  readonly ops: Op[] = [];
  member = "";

  constructor(
    readonly program: ProgramBuilder,
    readonly index: number,
    readonly name: string,
  ) {}

  get memory(): Memory {
    return this.program.memory;
  }

  /** Sets the spec member to blame for the operations that follow. */
  at(member: string): this {
    this.member = member;
    return this;
  }

  str(text: string): DataRef {
    return this.program.memory.string(text);
  }

  sys(name: string, args: readonly Arg[], options: OpOptions = {}): void {
    this.#push("SYSCALL", this.program.syscall(name), args, 0, options);
  }

  /** As `sys`, keeping the result in a new register. */
  sysResult(register: string, name: string, args: readonly Arg[], options: OpOptions = {}): Register {
    const dst = this.program.register(register);
    this.sys(name, args, { ...options, dst });
    return dst;
  }

  /** clone3(2) with a clone_args structure, or clone(2) with flags. */
  spawn(
    child: Block,
    how: { readonly clone3: DataRef; readonly size: number } | { readonly flags: number },
    options: OpOptions,
  ): void {
    if ("clone3" in how) this.#push("SPAWN", child.index, [how.size, how.clone3], OP_FLAG.SPAWN_CLONE3, options);
    else this.#push("SPAWN", child.index, [how.flags, 0], 0, options);
  }

  load(dst: Register, from: DataRef, width: 1 | 2 | 4 | 8, signed = false): void {
    this.#push("LOAD", width, [from], signed ? OP_FLAG.LOAD_SIGNED : 0, { dst });
  }

  store(to: DataRef, value: Arg, width: 1 | 2 | 4 | 8): void {
    this.#push("STORE", width, [to, value], 0, {});
  }

  /** Decimal text of `value` in `width` bytes; `fill` goes before it, or NULs after it when it is empty. */
  decimal(to: DataRef, value: Arg, width: number, fill = ""): void {
    this.#push("DECIMAL", fill === "" ? 0 : fill.charCodeAt(0), [to, value, width], 0, {});
  }

  notify(code: number, values: readonly Arg[]): void {
    this.#push("NOTIFY", code, values, 0, {});
  }

  send(code: number, from: DataRef, length: Arg): void {
    this.#push("SEND", code, [from, length], 0, {});
  }

  await(into: DataRef, capacity: number, dst: Register): void {
    this.#push("AWAIT", 0, [into, capacity], 0, { dst });
  }

  /** Waits for the container's end; `report`, LIMIT.EXIT_REPORT bytes, receives how it ended. */
  supervise(
    pid: Register,
    terminal: { master: Arg; input: Arg; output: Arg },
    { keepRunning = false, report }: { readonly keepRunning?: boolean; readonly report?: DataRef | undefined } = {},
  ): void {
    const flags = keepRunning ? OP_FLAG.SUPERVISE_KEEP_RUNNING : 0;
    const { master, input, output } = terminal;
    this.#push("SUPERVISE", 0, [pid, master, input, output, ...(report ? [report] : [])], flags, {});
  }

  /** What the descriptors give goes into the file "log" of a directory, from the next SUPERVISE on. */
  log(directory: Register, maxSize: number, output: Arg, errors: Arg): void {
    this.#push("LOG", 0, [directory, maxSize, output, errors], 0, {});
  }

  /** Plans to run the program again, at most so often (0: without a limit), unless the directory has a file "stop". `dst` receives how often that was until now. */
  restart(directory: Register, most: number, onFailure: boolean, dst: Register): void {
    this.#push("RESTART", 0, [directory, most], onFailure ? OP_FLAG.RESTART_ON_FAILURE : 0, { dst });
  }

  expect(left: Arg, right: Arg, errno: number, why: string): void {
    this.#push("EXPECT", errno, [left, right], 0, { why });
  }

  expectNot(left: Arg, right: Arg, errno: number, why: string): void {
    this.#push("EXPECT", errno, [left, right], OP_FLAG.COMPARE_NOT_EQUAL, { why });
  }

  jump(to: Label): void {
    this.#push("JUMP", 0, [0, 0], 0, {}, to);
  }

  jumpIf(left: Arg, right: Arg, to: Label): void {
    this.#push("JUMP", 0, [left, right], 0, {}, to);
  }

  jumpUnless(left: Arg, right: Arg, to: Label): void {
    this.#push("JUMP", 0, [left, right], OP_FLAG.COMPARE_NOT_EQUAL, {}, to);
  }

  fail(errno: number, why: string): void {
    this.#push("FAIL", errno, [], 0, { why });
  }

  /** In the epilogue: the application is told that it is over, and what follows is done when nobody waits for it. */
  done(): void {
    this.#push("DONE", 0, [], 0, {});
  }

  closeFrom(first: number): void {
    this.#push("CLOSE_FROM", 0, [first], 0, {});
  }

  label(): Label {
    return { index: -1 };
  }

  place(label: Label): void {
    label.index = this.ops.length;
  }

  #push(op: OpName, nr: number, args: readonly Arg[], flags: number, options: OpOptions, target?: Label): void {
    this.ops.push({
      op,
      nr,
      args,
      flags,
      dst: options.dst,
      tolerate: errnos(options.tolerate),
      jumpErrnos: errnos(options.jump?.on),
      target: options.jump?.to ?? target,
      member: this.member,
      why: options.why,
    });
  }
}

/** Collects blocks, registers and memory into a Program. */
export class ProgramBuilder {
  readonly memory = new Memory();
  readonly #blocks: BlockBuilder[] = [];
  readonly #registers = new Map<string, Register>();
  #epilogue: BlockBuilder | undefined;

  constructor(readonly arch: Arch) {}

  block(name: string): BlockBuilder {
    const block = new BlockBuilder(this, this.#blocks.length, name);
    this.#blocks.push(block);
    return block;
  }

  /** The block that the monitor interprets last, whatever happened before; made on first use. */
  epilogue(): BlockBuilder {
    this.#epilogue ??= this.block("epilogue");
    return this.#epilogue;
  }

  /** The register of that name; the same name is the same register. */
  register(name: string): Register {
    const known = this.#registers.get(name);
    if (known) return known;
    const index = this.#registers.size;
    if (index >= LIMIT.REGISTERS) throw new RangeError("a program has at most 64 registers");
    const register: Register = { kind: "register", index, name };
    this.#registers.set(name, register);
    return register;
  }

  syscall(name: string): number {
    const nr = syscallNumber(this.arch, name);
    if (nr === undefined) throw new RangeError(`no system call ${name} on ${this.arch}`);
    return nr;
  }

  finish(): Program {
    return {
      arch: this.arch,
      blocks: this.#blocks,
      epilogue: this.#epilogue,
      data: this.memory.data,
      zeroes: this.memory.zeroes,
      relocations: this.memory.relocations,
    };
  }
}
