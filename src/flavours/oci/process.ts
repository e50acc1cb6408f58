import { invalid } from "../../errors.ts";
import { capabilityNumber } from "../../linux/index.ts";
import type { CapabilitySets, CPUAffinity, ProcessSpec, Rlimit, User } from "../../spec/index.ts";
import type { Int, OciCapabilities, OciProcess, OciRlimit, OciUser } from "./config.ts";
import { type Mutable, readEnvironment, type Warn } from "./translation.ts";

export interface ProcessContext {
  /** `--no-new-keyring` of runc's. */
  readonly noNewKeyring?: boolean;
}

/** A process of config.json, or of `exec --process`. What it does not say (capabilities, for one) is not in the result either. */
export function translateProcess(process: OciProcess, warn: Warn, context: ProcessContext = {}): ProcessSpec {
  const { args = [], cwd, terminal, consoleSize, capabilities, rlimits, noNewPrivileges } = process;
  if (args.length === 0) throw invalid("process.args", args, "the program to execute, and its arguments");
  if (!cwd.startsWith("/")) throw invalid("process.cwd", cwd, "an absolute path");
  const result: Mutable<ProcessSpec> = {
    args,
    cwd,
    env: readEnvironment(process.env ?? [], "process.env"),
    homeFromPasswd: true,
    user: translateUser(process.user ?? {}),
    newSessionKeyring: context.noNewKeyring !== true,
  };
  if (capabilities) result.capabilities = translateCapabilities(capabilities, warn);
  if (noNewPrivileges !== undefined) result.noNewPrivileges = noNewPrivileges;
  if (rlimits) result.rlimits = rlimits.map(translateRlimit);
  if (terminal) {
    result.terminal = true;
    // Engines write 0 by 0 where they do not know; without `terminal` it is to be ignored.
    if (consoleSize && consoleSize.height > 0 && consoleSize.width > 0) result.consoleSize = consoleSize;
  }
  addAttributes(result, process);
  return result;
}

function addAttributes(result: Mutable<ProcessSpec>, process: OciProcess): void {
  const { oomScoreAdj, apparmorProfile, selinuxLabel, scheduler, ioPriority, execCPUAffinity } = process;
  if (oomScoreAdj !== undefined) result.oomScoreAdj = oomScoreAdj;
  if (apparmorProfile) result.apparmorProfile = apparmorProfile;
  if (selinuxLabel) result.selinuxLabel = selinuxLabel;
  if (scheduler) result.scheduler = scheduler;
  if (ioPriority) result.ioPriority = ioPriority;
  if (execCPUAffinity) result.execCPUAffinity = translateAffinity(execCPUAffinity);
}

/** The specification lets blanks stand in these lists. */
function translateAffinity({ initial, final }: CPUAffinity): CPUAffinity {
  const plain = (list: string | undefined) => list?.replaceAll(" ", "");
  const [before, after] = [plain(initial), plain(final)];
  return { ...(before && { initial: before }), ...(after && { final: after }) };
}

/** What runc and crun give when nothing is said: whatever the engine's own is must not get into the container. */
const UMASK = 0o022;

function translateUser({ uid = 0, gid = 0, additionalGids, umask = UMASK }: OciUser): User {
  // umask(2) takes the permission bits and drops the rest.
  const user = { uid, gid, umask: umask & 0o777 };
  // Engines give a group twice that both the image and their user name; getgroups(2) would show it so.
  return additionalGids ? { ...user, additionalGids: [...new Set(additionalGids)] } : user;
}

const SETS = ["bounding", "effective", "permitted", "inheritable", "ambient"] as const;

/** No capabilities at all: what runc gives when a process does not speak of them. */
export const NO_CAPABILITIES: CapabilitySets = {
  bounding: [],
  effective: [],
  permitted: [],
  inheritable: [],
  ambient: [],
};

/**
 * "Any value which cannot be mapped to a relevant kernel interface, or cannot be granted otherwise, MUST be logged as a warning by the runtime. Runtimes SHOULD
 * NOT fail" (config.md, process.capabilities).
 */
function translateCapabilities(capabilities: OciCapabilities, warn: Warn): CapabilitySets {
  const sets: Mutable<CapabilitySets> = {};
  const unknown = new Set<string>();
  for (const set of SETS) {
    sets[set] = (capabilities[set] ?? []).filter((name) => {
      if (capabilityNumber(name) !== undefined) return true;
      unknown.add(name);
      return false;
    });
  }
  if (unknown.size > 0) warn(`process.capabilities: unknown capabilities are ignored: ${[...unknown].join(", ")}`);
  sets.ambient = raisable(sets, warn);
  return sets;
}

/** PR_CAP_AMBIENT_RAISE of prctl(2): an ambient capability must be permitted and inheritable. */
function raisable({ ambient = [], permitted, inheritable }: CapabilitySets, warn: Warn): readonly string[] {
  if (ambient.length === 0) return ambient;
  const possible = ambient.filter((name) => permitted?.includes(name) && inheritable?.includes(name));
  if (possible.length < ambient.length) {
    const lost = ambient.filter((name) => !possible.includes(name)).join(", ");
    warn(`process.capabilities.ambient: cannot be raised, as they are not both permitted and inheritable: ${lost}`);
  }
  return possible;
}

/** RLIM_INFINITY, and the largest signed number, which some take for it. */
const UNLIMITED = 2n ** 63n - 1n;

function translateRlimit({ type, soft, hard }: OciRlimit, index: number): Rlimit {
  const member = `process.rlimits[${index}]`;
  const name = type.startsWith("RLIMIT_") ? type : `RLIMIT_${type}`;
  return { type: name, soft: limitOf(soft, `${member}.soft`), hard: limitOf(hard, `${member}.hard`) };
}

function limitOf(value: Int, member: string): number {
  if (BigInt(value) >= UNLIMITED) return -1;
  if (Number.isSafeInteger(Number(value))) return Number(value);
  throw invalid(member, String(value), `at most ${Number.MAX_SAFE_INTEGER}, or RLIM_INFINITY (2^64-1) for no limit`);
}
