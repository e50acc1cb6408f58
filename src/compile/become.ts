import type { Register } from "../program/index.ts";
import { closeDescriptors, enterWorkingDirectory, execute, unblockSignals } from "./command.ts";
import type { ProcessContext } from "./context.ts";
import { resolveIdentity, takeIdentity } from "./identity.ts";
import { setLimits } from "./limits.ts";
import { installSeccomp, restrictWithLandlock, setNoNewPrivileges } from "./restrictions.ts";
import { type Pipes, placeStreams } from "./stdio.ts";
import { openTerminal } from "./terminal.ts";

/** The last part of init's block, in the container: from the privileges of the set-up to the command, which may be held up last of all. */
export function becomeCommand(c: ProcessContext, pipes: Pipes, ignored: Register | undefined, hold?: () => void): void {
  const { init, resolved: r } = c;
  const identity = resolveIdentity(c);
  openTerminal(c, identity);
  placeStreams(c, pipes, ignored, identity);
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
  hold?.();
  closeDescriptors(c);
  if (r.process.noNewPrivileges) installSeccomp(c);
  execute(c);
}
