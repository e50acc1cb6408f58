import { inspect } from "node:util";

/** Stable codes of LibctError; docs/errors.md explains each. */
export type ErrorCode =
  | "ERR_CT_INVALID_SPEC"
  | "ERR_CT_NOT_SUPPORTED"
  | "ERR_CT_NOT_PERMITTED"
  | "ERR_CT_SYSCALL"
  | "ERR_CT_COMMAND_NOT_FOUND"
  | "ERR_CT_COMMAND_NOT_EXECUTABLE"
  | "ERR_CT_EXECUTOR"
  | "ERR_CT_STATE"
  | "ERR_CT_NAME_IN_USE"
  | "ERR_CT_NO_SUCH_CONTAINER"
  | "ERR_CT_USAGE"
  | "ERR_CT_ABORTED";

export interface ErrorDetails {
  readonly syscall?: string | undefined;
  /** Kernel error name such as "EPERM". */
  readonly errno?: string | undefined;
  readonly path?: string | undefined;
  /** Spec member that caused it, such as "mounts[3].source". */
  readonly member?: string | undefined;
  /** What the user can do about it. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** The one class of errors that libct throws. The message is one line that says what failed, where and why. */
export class LibctError extends Error {
  override readonly name = "LibctError";
  readonly code: ErrorCode;
  readonly syscall: string | undefined;
  readonly errno: string | undefined;
  readonly path: string | undefined;
  readonly member: string | undefined;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    const where = details.member ? ` (${details.member})` : "";
    const hint = details.hint ? `; hint: ${details.hint}` : "";
    super(`${message}${where}${hint}`, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.syscall = details.syscall;
    this.errno = details.errno;
    this.path = details.path;
    this.member = details.member;
    this.hint = details.hint;
  }

  toJSON(): Readonly<Record<string, unknown>> {
    const { code, message, syscall, errno, path, member, hint } = this;
    return { code, message, syscall, errno, path, member, hint };
  }
}

/** A bad value in what the caller gave: member, value, what was expected. */
export function invalid(member: string, value: unknown, expected: string, hint?: string): LibctError {
  return new LibctError("ERR_CT_INVALID_SPEC", `invalid value ${show(value)}: expected ${expected}`, { member, hint });
}

function show(value: unknown): string {
  const text =
    typeof value === "object" ? inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY }) : literal(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

const literal = (value: unknown) => (typeof value === "string" ? JSON.stringify(value) : String(value));
