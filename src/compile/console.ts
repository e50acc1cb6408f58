import { AT, E, MS, O } from "../linux/index.ts";
import type { Register } from "../program/index.ts";
import { type Context, enterDirectory, FIXED_FD } from "./context.ts";

/**
 * "/dev/console is set up if terminal is enabled in the config by bind mounting the pseudoterminal pty to /dev/console" (OCI runtime-spec, config-linux.md).
 * Programs that write to the console, init systems for one, reach the terminal this way.
 */
export function bindConsole(c: Context, slave: Register): void {
  const { init, resolved: r } = c;
  const ownDev = r.mounts.some(({ mount, options }) => mount.destination === "/dev" && !options.bind);
  // Nothing of the host's is to be covered or made, and a read-only root takes no file.
  if (!r.created.has("mount") || !r.root || !ownDev) return;
  init.at("process.terminal");
  const why = "make the terminal the console";
  enterDirectory(init, "/dev", why);
  init.sys("mknodat", [AT.FDCWD, init.str("console"), 0o100666, 0], { tolerate: [E.EEXIST], why });
  init.sys("dup3", [slave, FIXED_FD.BIND_SOURCE, O.CLOEXEC]);
  // Descriptors are named relative to here, whatever the container has at its own /proc.
  init.sys("fchdir", [c.proc]);
  init.sys("mount", [init.str(`self/fd/${FIXED_FD.BIND_SOURCE}`), init.str("/dev/console"), 0, MS.BIND, 0], { why });
  init.sys("close", [FIXED_FD.BIND_SOURCE]);
}
