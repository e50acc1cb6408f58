import type { Register } from "../program/index.ts";
import {
  closeDescriptors,
  enterWorkingDirectory,
  execute,
  keepPassed,
  tryWorkingDirectory,
  unblockSignals,
} from "./command.ts";
import type { ProcessContext } from "./context.ts";
import { askHome } from "./home.ts";
import { resolveIdentity, takeIdentity } from "./identity.ts";
import { setLimits } from "./limits.ts";
import { filtersEarly, installSeccomp, restrictWithLandlock, setNoNewPrivileges } from "./restrictions.ts";
import { setScheduling } from "./scheduling.ts";
import { type Pipes, placeStreams } from "./stdio.ts";
import { openTerminal } from "./terminal.ts";

/** What is added for some processes. */
export interface MoreSteps {
  /** When there is a terminal, and nothing has been made of it yet. */
  readonly withTerminal?: (slave: Register) => void;
  /** When no device is opened any more. */
  readonly withoutDevices?: () => void;
  /** With the process's own rights. */
  readonly asUser?: () => void;
  /** Before the command, when all else is done. */
  readonly last?: () => void;
}

/** The last part of init's block, in the container: from the privileges of the set-up to the command. */
export function becomeCommand(
  c: ProcessContext,
  pipes: Pipes,
  ignored: Register | undefined,
  more: MoreSteps = {},
): void {
  const { init, resolved: r } = c;
  const identity = resolveIdentity(c);
  const home = askHome(c);
  openTerminal(c, identity, more.withTerminal);
  placeStreams(c, pipes, ignored, identity);
  keepPassed(c);
  more.withoutDevices?.();
  const cwd = tryWorkingDirectory(c);
  setLimits(c);
  setScheduling(c);
  const umask = typeof r.user === "object" ? r.user.umask : undefined;
  init.at("process.user").sys("umask", [umask ?? 0o22]);
  // Without no_new_privs only a privileged process may install a filter: then it comes before the privileges go (seccomp(2)).
  // Filters that are older than close_range do not allow it, so they come after it.
  const early = filtersEarly(c);
  if (early) {
    closeDescriptors(init.at("process"), c);
    installSeccomp(c);
  }
  takeIdentity(c, identity);
  enterWorkingDirectory(c, cwd);
  setNoNewPrivileges(c);
  restrictWithLandlock(c);
  unblockSignals(c);
  more.asUser?.();
  // The descriptor of a filter goes to its listener while the monitor still waits for the container to stand, so before the container waits to be started.
  const listens = r.seccomp?.listener !== undefined;
  if (!listens) more.last?.();
  if (!early) {
    closeDescriptors(init.at("process"), c);
    installSeccomp(c);
  }
  if (listens) more.last?.();
  execute(c, home);
}
