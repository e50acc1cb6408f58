import { LibctError } from "../../errors.ts";
import { parseProcess, translateProcess } from "../../flavours/oci/index.ts";
import type { Container, EnterOptions } from "../../host/index.ts";
import type { ProcessSpec } from "../../spec/index.ts";
import { follow } from "../follow.ts";
import { readText } from "../parse.ts";
import type { FlagTable } from "../syntax.ts";
import { usage } from "../syntax.ts";
import { inherited, requireConsole, writePid } from "./create.ts";
import { type Runtime, RuntimeFailure } from "./runtime.ts";
import { HelpAsked, type RuntimeSyntax, readCommand } from "./syntax.ts";
import { openContainer } from "./with-container.ts";

interface ExecFlags {
  readonly consoleSocket?: string;
  readonly pidfdSocket?: string;
  readonly pidFile?: string;
  readonly cwd?: string;
  readonly env: readonly string[];
  readonly tty?: true;
  readonly user?: string;
  readonly additionalGids: readonly string[];
  readonly process?: string;
  readonly detach?: true;
  readonly processLabel?: string;
  readonly apparmor?: string;
  readonly noNewPrivs?: true;
  readonly cap: readonly string[];
  readonly preserveFds?: string;
  readonly cgroup: readonly string[];
  readonly ignorePaused?: true;
}

const FLAGS: FlagTable<ExecFlags> = {
  consoleSocket: { value: "path", text: "a Unix socket whose listener gets the master of the process's terminal" },
  pidfdSocket: { value: "path", text: "a Unix socket whose listener gets a pidfd of the process" },
  pidFile: { value: "file", text: "write the pid of the process there" },
  cwd: { value: "path", text: "working directory in the container" },
  env: { short: "-e", value: "NAME=VALUE", many: true, text: "set a variable of the environment" },
  tty: { short: "-t", text: "a terminal" },
  user: { short: "-u", value: "uid[:gid]", text: "as whom" },
  additionalGids: { short: "-g", value: "gid", many: true, text: "a further group" },
  process: { short: "-p", value: "file", text: "the process, as in config.json" },
  detach: { short: "-d", text: "do not wait for it" },
  processLabel: { value: "label", text: "SELinux label" },
  apparmor: { value: "profile", text: "AppArmor profile" },
  noNewPrivs: { text: "no_new_privs" },
  cap: { short: "-c", value: "capability", many: true, text: "add a capability" },
  preserveFds: { value: "n", text: "pass n further descriptors on, from 3 upward" },
  cgroup: { value: "path", many: true, text: "a cgroup below the container's" },
  ignorePaused: { text: "enter also a paused container" },
};

const SYNTAX: RuntimeSyntax<ExecFlags> = {
  summary: "execute another command in a container that runs",
  usage: "[options] CONTAINER COMMAND [ARGUMENTS...], or --process FILE CONTAINER",
  words: [1, Number.POSITIVE_INFINITY],
  flags: FLAGS,
};

export async function exec(runtime: Runtime, line: readonly string[]): Promise<number> {
  try {
    const { flags, words } = readCommand("exec", SYNTAX, line);
    const [id, ...args] = words;
    const container = await openContainer(runtime, id);
    requireRunning(container);
    const process =
      flags.process === undefined ? commandOf(container, args, flags) : readProcess(flags.process, container, runtime);
    return await enter(runtime, container, process, flags);
  } catch (error) {
    if (error instanceof HelpAsked) throw error;
    // As with runc: an engine tells the failure of exec from the command's own.
    throw new RuntimeFailure(255, error);
  }
}

function requireRunning(container: Container): void {
  const { status } = container.status();
  if (status === "stopped") throw new LibctError("ERR_CT_STATE", "cannot exec in a stopped container");
}

async function enter({ log }: Runtime, container: Container, process: ProcessSpec, flags: ExecFlags): Promise<number> {
  const detach = flags.detach ?? false;
  const [cgroup, ...others] = flags.cgroup;
  if (others.length > 0)
    throw usage("--cgroup may be given once", "it names a cgroup below the container's in all hierarchies");
  requireConsole(process.terminal ?? false, flags.consoleSocket, detach);
  const options: EnterOptions = {
    ...inherited(flags),
    orphan: detach,
    ignorePaused: flags.ignorePaused ?? false,
    ...(cgroup === undefined ? {} : { cgroup }),
  };
  if (!detach) {
    return await follow({ terminal: process.terminal ?? false, isInit: false }, async () => {
      const child = await container.exec(process, options);
      log.debug(entered(container, child.pid));
      if (flags.pidFile !== undefined) writePid(flags.pidFile, child.pid);
      return child;
    });
  }
  const { pid } = await container.exec(process, options);
  log.debug(entered(container, pid));
  if (flags.pidFile !== undefined) writePid(flags.pidFile, pid);
  return 0;
}

const entered = ({ name }: Container, pid: number) =>
  `exec: the process ${pid} has entered ${name} and is its command now`;

/** What a file does not say of rights and limits is the container's; all else is as the file says (runc, newProcess). */
function readProcess(file: string, { spec }: Container, { log }: Runtime): ProcessSpec {
  const process = translateProcess(parseProcess(readText("--process", file)), (text) => log.warn(text));
  const { capabilities, noNewPrivileges, rlimits, apparmorProfile, selinuxLabel } = spec.process ?? {};
  const own = { capabilities, noNewPrivileges, rlimits, apparmorProfile, selinuxLabel };
  return { ...NOTHING_OF_THE_CONTAINER, ...own, ...process } as ProcessSpec;
}

const NOTHING_OF_THE_CONTAINER = {
  oomScoreAdj: undefined,
  terminal: undefined,
  consoleSize: undefined,
  scheduler: undefined,
  ioPriority: undefined,
  execCPUAffinity: undefined,
};

/** The container's own process with another command, and with what the flags say. */
function commandOf(container: Container, args: readonly string[], flags: ExecFlags): ProcessSpec {
  if (args.length === 0) throw usage("exec args cannot be empty", "give a command, or --process FILE");
  const base = container.spec.process ?? {};
  return {
    ...base,
    args,
    terminal: flags.tty ?? false,
    ...(flags.cwd === undefined ? {} : { cwd: flags.cwd }),
    ...(flags.env.length === 0 ? {} : { env: { ...base.env, ...Object.fromEntries(flags.env.map(variable)) } }),
    ...(flags.noNewPrivs ? { noNewPrivileges: true } : {}),
    ...(flags.apparmor === undefined ? {} : { apparmorProfile: flags.apparmor }),
    ...(flags.processLabel === undefined ? {} : { selinuxLabel: flags.processLabel }),
    ...userOf(flags, base.user),
    ...capabilitiesOf(flags, base.capabilities),
  };
}

function variable(word: string): readonly [string, string] {
  const at = word.indexOf("=");
  if (at <= 0) throw usage(`--env ${JSON.stringify(word)}: expected NAME=VALUE`);
  return [word.slice(0, at), word.slice(at + 1)];
}

function userOf({ user, additionalGids }: ExecFlags, own: ProcessSpec["user"]): Partial<ProcessSpec> {
  const groups = additionalGids.map(Number);
  const before = typeof own === "object" ? own : { uid: 0, gid: 0 };
  if (user === undefined && groups.length === 0) return {};
  const [uid = before.uid, gid = before.gid] = user === undefined ? [] : user.split(":").map(Number);
  return { user: { ...before, uid, gid, additionalGids: [...(before.additionalGids ?? []), ...groups] } };
}

function capabilitiesOf({ cap }: ExecFlags, own: ProcessSpec["capabilities"]): Partial<ProcessSpec> {
  if (cap.length === 0) return {};
  const more = (names: readonly string[] = []) => [...new Set([...names, ...cap.map((name) => name.toUpperCase())])];
  return {
    capabilities: {
      bounding: more(own?.bounding),
      effective: more(own?.effective),
      permitted: more(own?.permitted),
      ...(own?.inheritable ? { inheritable: own.inheritable } : {}),
      ...(own?.ambient ? { ambient: own.ambient } : {}),
    },
  };
}
