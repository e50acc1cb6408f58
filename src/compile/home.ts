import { AT, O } from "../linux/index.ts";
import type { DataRef } from "../program/index.ts";
import { type ProcessContext, QUESTION } from "./context.ts";
import type { ResolvedProcess } from "./resolved.ts";

/** What is read of passwd: a hostile image may have one of 10 GB. */
const LOOKUP_LIMIT = 65536;
/** For "HOME=", a path and a NUL. */
const HOME_ROOM = 4096 + 8;

/** Whether somebody must tell the process what its HOME is. */
export const asksForHome = ({ process, user }: Pick<ResolvedProcess, "process" | "user">): boolean =>
  process.homeFromPasswd === true && process.env?.HOME === undefined && typeof user === "object";

/** Sends the beginning of the container's passwd to the application, and gives the place of its answer, "HOME=...". */
export function askHome(c: ProcessContext): DataRef | undefined {
  const { init, program } = c;
  if (!asksForHome(c.resolved)) return undefined;
  init.at("process.homeFromPasswd");
  const [fd, length] = [program.register("file"), program.register("length")];
  const buffer = program.memory.zeroed(LOOKUP_LIMIT);
  const nothing = program.memory.zeroed(8);
  const [missing, unread, read] = [init.label(), init.label(), init.label()];
  init.load(length, nothing, 8);
  // A home is not worth a failure: what cannot be read says nothing. O_NONBLOCK: a FIFO in its place must not stop us.
  const flags = O.RDONLY | O.CLOEXEC | O.NONBLOCK | O.NOCTTY;
  init.sys("openat", [AT.FDCWD, init.str("/etc/passwd"), flags, 0], { dst: fd, jump: { on: "any", to: missing } });
  init.sys("read", [fd, buffer, LOOKUP_LIMIT], { dst: length, jump: { on: "any", to: unread } });
  init.jump(read);
  init.place(unread);
  init.load(length, nothing, 8);
  init.place(read);
  init.sys("close", [fd]);
  init.place(missing);
  init.send(QUESTION.HOME, buffer, length);
  const home = program.memory.zeroed(HOME_ROOM);
  init.await(home, HOME_ROOM, length);
  return home;
}
