import { AT, E } from "../linux/index.ts";
import type { Register } from "../program/index.ts";
import { bindOpened } from "./bind-opened.ts";
import { type Context, enterDirectory } from "./context.ts";

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
  bindOpened(c, slave, "/dev/console", { why });
}
