import { AT, O } from "../linux/index.ts";
import type { DataRef, Label, Register } from "../program/index.ts";
import type { Context } from "./context.ts";

/**
 * Streams that are the host's /dev/null become the container's: /dev/stdin and /proc/self/fd/0 would lead to a file of the host's, and one that chowns its
 * standard streams would change it there (runc, reOpenDevNull). Only where the container has the node by its specification: an image may have anything under that name.
 */
export function reopenNull(c: Context): void {
  const { init, resolved: r } = c;
  const has = r.spec.devices?.some((one) => one.path === "/dev/null" && one.major === NULL[0] && one.minor === NULL[1]);
  const streams = [r.stdin, r.stdout, r.stderr];
  if (!has || !r.root || r.process.terminal || !streams.some(mayBeNull)) return;
  const done = init.label();
  init.at("process");
  const path = init.str("/dev/null");
  const why = "open the container's /dev/null";
  const own = init.sysResult("own_null", "openat", [AT.FDCWD, path, O.RDWR | O.CLOEXEC | O.NOCTTY, 0], {
    jump: { on: "any", to: done },
    why,
  });
  const seen = init.memory.zeroed(256);
  const other = init.label();
  unlessNull(c, own, seen, other);
  streams.forEach((stream, number) => {
    if (!mayBeNull(stream)) return;
    const next = init.label();
    if (stream === "inherit") unlessNull(c, number, seen, next);
    init.sys("dup3", [own, number, 0], { why });
    init.place(next);
  });
  init.place(other);
  init.sys("close", [own]);
  init.place(done);
}

/** Major and minor number (null(4)). */
const NULL = [1, 3] as const;
const STATX_TYPE = 1;

const mayBeNull = (stream: Context["resolved"]["stdin" | "stdout"]) => stream === "inherit" || stream === "ignore";

/** Goes to `otherwise` unless the descriptor is that device. */
function unlessNull(c: Context, descriptor: number | Register, seen: DataRef, otherwise: Label): void {
  const { init } = c;
  const value = c.program.register("seen");
  init.sys("statx", [descriptor, init.str(""), AT.EMPTY_PATH, STATX_TYPE, seen], {
    jump: { on: "any", to: otherwise },
    why: "is it /dev/null?",
  });
  // struct statx: stx_mode at 28, whose upper byte has S_IFCHR and S_IRUSR; stx_rdev_major at 128, stx_rdev_minor at 132.
  const character = init.label();
  init.load(value, init.memory.at(seen, 29), 1);
  init.jumpIf(value, 0x21, character);
  init.jumpUnless(value, 0x20, otherwise);
  init.place(character);
  for (const [offset, wanted] of [
    [128, NULL[0]],
    [132, NULL[1]],
  ] as const) {
    init.load(value, init.memory.at(seen, offset), 4);
    init.jumpUnless(value, wanted, otherwise);
  }
}
