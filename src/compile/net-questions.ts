import { AT, E, MSG } from "../linux/index.ts";
import type { NetQuestion } from "../spec/index.ts";
import { type ProcessContext, REPORT } from "./context.ts";
import { connectTo } from "./unix-socket.ts";

const ANSWER_SIZE = 512;

/** Asks a program that serves a Unix socket; each request has a connection of its own, as the API of slirp4netns wants it. */
export function askQuestion(c: ProcessContext, { socket: path, request, expected, last, why }: NetQuestion): void {
  const { monitor, program } = c;
  const socket = connectTo(c, path, why);
  const answer = monitor.memory.zeroed(ANSWER_SIZE);
  const [refused, done] = [monitor.label(), monitor.label()];
  const [part, length] = [program.register("part"), program.register("length")];
  monitor.sys("sendto", [socket, monitor.str(request), new TextEncoder().encode(request).length, MSG.NOSIGNAL, 0, 0], {
    why,
  });
  monitor.sys("recvfrom", [socket, answer, ANSWER_SIZE, 0, 0, 0], { why, dst: length });
  monitor.sys("close", [socket]);
  if (last) monitor.sys("unlinkat", [AT.FDCWD, monitor.str(path), 0], { tolerate: [E.ENOENT] });
  for (const at of [0, 4]) {
    monitor.load(part, monitor.memory.at(answer, at), 4);
    monitor.jumpUnless(part, word(expected, at), refused);
  }
  monitor.jump(done);
  monitor.place(refused);
  monitor.send(REPORT.NET_PROCESS, answer, length);
  monitor.fail(E.EADDRINUSE, why);
  monitor.place(done);
}

/** Four characters as the machine reads them as a number. */
function word(text: string, at: number): number {
  const bytes = new TextEncoder().encode(text);
  return new DataView(bytes.buffer).getUint32(at, true);
}
