import { AT, E, O } from "../linux/index.ts";
import type { DataRef, ProgramBuilder } from "../program/index.ts";
import { type ProcessContext, QUESTION } from "./context.ts";
import { LOOKUP_LIMIT, seeFile } from "./identity.ts";
import type { ResolvedProcess } from "./resolved.ts";

/** Whether only the container's passwd can tell what HOME is. */
export const asksHome = ({ process: { homeFromPasswd = false, env }, user }: ResolvedProcess): boolean =>
  homeFromPasswd && env !== undefined && !("HOME" in env) && typeof user === "object";

/** Sends the container's passwd to the application, which answers with the directory. A file that is missing, or no usual one, is an empty one. */
export function askHome(c: ProcessContext): void {
  if (!asksHome(c.resolved)) return;
  const { init, program } = c;
  const [file, length, buffer] = [
    program.register("file"),
    program.register("length"),
    program.memory.zeroed(LOOKUP_LIMIT),
  ];
  const [missing, unusual] = [init.label(), init.label()];
  init.at("process.homeFromPasswd").load(length, program.memory.zeroed(8), 8);
  const flags = O.RDONLY | O.CLOEXEC | O.NONBLOCK | O.NOCTTY;
  init.sys("openat", [AT.FDCWD, init.str("/etc/passwd"), flags, 0], {
    dst: file,
    jump: { on: [E.ENOENT, E.ENOTDIR], to: missing },
  });
  seeFile(c, file, unusual);
  init.sys("read", [file, buffer, LOOKUP_LIMIT], { dst: length, why: "read /etc/passwd" });
  init.place(unusual);
  init.sys("close", [file]);
  init.place(missing);
  init.send(QUESTION.HOME, buffer, length);
  init.await(program.memory.at(homeVariable(program), NAME.length), LONGEST, length);
}

const NAME = "HOME=";
/** With its NUL byte; the longest path has 4096. */
const LONGEST = 4096;

/** The variable of the environment, which the answer completes. */
export function homeVariable(program: ProgramBuilder): DataRef {
  const known = variables.get(program);
  if (known) return known;
  const bytes = new Uint8Array(NAME.length + LONGEST + 1);
  bytes.set(new TextEncoder().encode(NAME));
  const made = program.memory.bytes(bytes);
  variables.set(program, made);
  return made;
}
const variables = new WeakMap<ProgramBuilder, DataRef>();
