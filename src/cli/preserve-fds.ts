import { readlinkSync } from "node:fs";
import { LibctError } from "../errors.ts";
import { LIMIT } from "../program/index.ts";
import { parseInteger } from "./parse.ts";

const FIRST = 3;

/** `--preserve-fds N`: the descriptors 3 to 2+N that ct was started with. */
export function preservedFds(word: string | undefined): { readonly fds?: readonly number[] } {
  if (word === undefined) return {};
  const count = parseInteger("--preserve-fds", word, 0, LIMIT.MAX_PASSED);
  const fds = Array.from({ length: count }, (_, index) => FIRST + index);
  for (const fd of fds) {
    if (wasGiven(fd)) continue;
    throw new LibctError("ERR_CT_USAGE", `--preserve-fds ${word}: ct was started without descriptor ${fd}`, {
      hint: `open it in the shell: ct ... ${fd}<FILE`,
    });
  }
  return { fds };
}

/** The runtime takes the numbers that are free for its own purposes: event queues, and what wakes them. */
function wasGiven(fd: number): boolean {
  try {
    return !/^anon_inode:\[?(eventpoll|eventfd|io_uring|timerfd|signalfd)/.test(readlinkSync(`/proc/self/fd/${fd}`));
  } catch {
    return false;
  }
}
