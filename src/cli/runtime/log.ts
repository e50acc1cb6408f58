import { appendFileSync, writeSync } from "node:fs";
import { LibctError } from "../../errors.ts";
import { errorText } from "../exit.ts";
import type { RuntimeGlobals } from "./globals.ts";

type Level = "debug" | "info" | "warning" | "error";

/** Messages in the form that engines read: the last error of this file is what they tell their users. */
export class Log {
  readonly #globals: RuntimeGlobals;

  constructor(globals: RuntimeGlobals) {
    this.#globals = globals;
  }

  debug(message: string): void {
    if (this.#globals.debug) this.#write("debug", message);
  }

  warn(message: string): void {
    this.#write("warning", message);
  }

  /** Also for people: what runs the command may show its standard error. */
  error(error: unknown): void {
    const text = messageOf(error);
    if (this.#globals.log !== undefined) this.#write("error", text);
    writeSync(2, `ct-runtime: ${text}\n`);
  }

  #write(level: Level, message: string): void {
    const { log, logFormat } = this.#globals;
    const time = new Date().toISOString();
    const line =
      logFormat === "json"
        ? JSON.stringify({ level, msg: message, time })
        : `time="${time}" level=${level} msg=${JSON.stringify(message)}`;
    if (log === undefined) writeSync(2, `${line}\n`);
    else appendFileSync(log, `${line}\n`, { mode: 0o644 });
  }
}

/** Engines look for the words of runc, which are those of Go's library: they decide about the exit status that their users see. */
export function messageOf(error: unknown): string {
  if (!(error instanceof LibctError)) return errorText(error);
  if (error.code === "ERR_CT_COMMAND_NOT_FOUND") {
    const what = error.path?.includes("/") ? "no such file or directory" : "executable file not found in $PATH";
    return `exec: ${commandOf(error)}: ${what}: ${errorText(error)}`;
  }
  if (error.code === "ERR_CT_COMMAND_NOT_EXECUTABLE") {
    return `exec: ${commandOf(error)}: permission denied: ${errorText(error)}`;
  }
  if (error.code === "ERR_CT_NO_SUCH_CONTAINER") return "container does not exist";
  if (error.code === "ERR_CT_NAME_IN_USE") return "container with given ID already exists";
  const words = wordsOf(error);
  return words === undefined ? errorText(error) : `${errorText(error)}: ${words}`;
}

/** Where no system call has failed the whole PATH was searched, or what was found is a directory. */
const commandOf = ({ path, message }: LibctError): string =>
  JSON.stringify(path ?? /^command [a-z ]+: (.*) is (?:not in PATH|a directory)/.exec(message)?.[1] ?? "");

/** Of Go's library, for the errors that engines look for. */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  ENOENT: "no such file or directory",
  ENOTDIR: "not a directory",
  EPERM: "operation not permitted",
};

/** What mount(2) calls ENOTDIR is EINVAL for move_mount(2). */
const wordsOf = ({ syscall, errno = "" }: LibctError): string | undefined =>
  WORDS[syscall === "move_mount" && errno === "EINVAL" ? "ENOTDIR" : errno];
