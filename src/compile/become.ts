import type { Register } from "../program/index.ts";
import { closeDescriptors, enterWorkingDirectory, execute, keepPassed, unblockSignals } from "./command.ts";
import type { ProcessContext } from "./context.ts";
import { resolveIdentity, takeIdentity } from "./identity.ts";
import { setLimits } from "./limits.ts";
import { installSeccomp, restrictWithLandlock, setNoNewPrivileges } from "./restrictions.ts";
import { type Pipes, placeStreams } from "./stdio.ts";
import { openTerminal } from "./terminal.ts";

/** What is added for some processes. */
export interface MoreSteps {
  /** When no device is opened any more. */
  readonly withoutDevices?: () => void;
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
  openTerminal(c, identity);
  placeStreams(c, pipes, ignored, identity);
  keepPassed(c);
  more.withoutDevices?.();
  setLimits(c);
  const umask = typeof r.user === "object" ? r.user.umask : undefined;
  init.at("process.user").sys("umask", [umask ?? 0o22]);
  // Without no_new_privs only a privileged process may install a filter: then it comes before the privileges go (seccomp(2)).
  if (!r.process.noNewPrivileges) installSeccomp(c);
  takeIdentity(c, identity);
  enterWorkingDirectory(c);
  setNoNewPrivileges(c);
  restrictWithLandlock(c);
  unblockSignals(c);
  more.last?.();
  closeDescriptors(c);
  if (r.process.noNewPrivileges) installSeccomp(c);
  execute(c);
}
