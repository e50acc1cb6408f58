import { AT, E, SIG_SETMASK } from "../linux/index.ts";
import type { BlockBuilder, DataRef, Register } from "../program/index.ts";
import type { ProcessSpec } from "../spec/index.ts";
import { expectInside, makeTarget, type ProcessContext } from "./context.ts";
import type { ResolvedProcess } from "./resolved.ts";

export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** While the root can be written to, and nothing but the container can be reached. */
export function makeWorkingDirectory(c: ProcessContext): void {
  const { cwd, makeCwd } = c.resolved.process;
  if (!c.resolved.root || !makeCwd || cwd === undefined || cwd === "/") return;
  makeTarget(c.init.at("process.makeCwd"), cwd, "directory");
}

/**
 * Tries the working directory as who sets the container up: the process's own user need not be able to enter it (runc, finalizeNamespace). Gives what came of it, or
 * undefined where the process stays on the host: there it has its own rights only.
 */
export function tryWorkingDirectory(c: ProcessContext): Register | undefined {
  const { init, resolved: r } = c;
  if (!r.root) return undefined;
  const path = init.at("process.cwd").str(r.process.cwd ?? "/");
  return init.sysResult("cwd", "chdir", [path], {
    tolerate: [E.EACCES, E.EPERM],
    why: "enter the working directory",
  });
}

/** As the process's own user goes there, if nobody has, and makes sure that it lies in the container (CVE-2024-21626). */
export function enterWorkingDirectory(c: ProcessContext, tried: Register | undefined): void {
  const { init, resolved: r } = c;
  const cwd = r.process.cwd ?? (r.root ? "/" : undefined);
  if (cwd === undefined) return;
  const why = "enter the working directory";
  init.at("process.cwd");
  const there = init.label();
  if (tried) init.jumpIf(tried, 0, there);
  init.sys("chdir", [init.str(cwd)], { why });
  init.place(there);
  if (r.root) expectInside(init, cwd);
}

/** Every descriptor but the three streams, and what is passed, closes at execve. */
export function closeDescriptors(
  block: BlockBuilder,
  { resolved: { features, passed = 0 } }: { readonly resolved: Pick<ResolvedProcess, "features" | "passed"> },
): void {
  const CLOSE_RANGE_CLOEXEC = 4;
  const first = STREAMS + passed;
  if (features.closeRange) block.sys("close_range", [first, 0xffffffff, CLOSE_RANGE_CLOEXEC]);
  else block.closeFrom(first);
}

/** The executor keeps them for the command alone. Before a filter of the container's could forbid it. */
export function keepPassed(c: ProcessContext): void {
  const { init } = c;
  const { passed = 0 } = c.resolved;
  for (let index = 0; index < passed; index++) {
    init.at(`fds[${index}]`).sys("fcntl", [STREAMS + index, F_SETFD, 0], { why: "keep it for the command" });
  }
}

const STREAMS = 3;
const F_SETFD = 2;

/** The zygote blocks all signals; the command starts with none blocked. */
export function unblockSignals(c: ProcessContext): void {
  c.init.at("process").sys("rt_sigprocmask", [SIG_SETMASK, c.init.memory.zeroed(8), 0, 8]);
}

/** That the command can be executed, seen before it is. */
export function expectCommand(c: ProcessContext): void {
  const { init, resolved: r } = c;
  const [file = ""] = r.process.args;
  init.at("process.args[0]");
  const X_OK = 1;
  const access = init.program.register("access");
  const isDirectory = (path: string) =>
    init.sys("faccessat", [AT.FDCWD, init.str(`${path}/.`), 0], { dst: access, tolerate: "any" });
  if (file.includes("/")) {
    init.sys("faccessat", [AT.FDCWD, init.str(file), X_OK], { why: `execute ${file}` });
    isDirectory(file);
    init.expectNot(access, 0, E.EACCES, `${file} is a directory`);
    return;
  }
  const found = init.label();
  for (const tolerate of [
    [E.ENOENT, E.ENOTDIR, E.EACCES],
    [E.ENOENT, E.ENOTDIR],
  ]) {
    for (const candidate of candidates(r.process)) {
      const next = init.label();
      init.sys("faccessat", [AT.FDCWD, init.str(candidate), X_OK], { dst: access, tolerate });
      init.jumpUnless(access, 0, next);
      isDirectory(candidate);
      init.jumpUnless(access, 0, found);
      init.place(next);
    }
  }
  init.fail(E.ENOENT, `${file} is not in PATH`);
  init.place(found);
}

/** Executes the command, searched for in the PATH of its own environment as execvp(3) does; `home` is a variable that is only known when it runs. */
export function execute(c: ProcessContext, home?: DataRef): void {
  const { init, resolved: r } = c;
  const [file = ""] = r.process.args;
  const env = r.process.env ?? { PATH: DEFAULT_PATH };
  const argv = init.memory.strings(r.process.args);
  const variables = Object.entries(env).map(([name, value]) => init.str(`${name}=${value}`));
  const envp = init.memory.pointers(home ? [...variables, home] : variables);
  init.at("process.args[0]");
  if (file.includes("/")) {
    init.sys("execve", [init.str(file), argv, envp]);
    return;
  }
  // A file without permission does not end the search, but it decides the error when nothing else is found: hence two rounds.
  for (const tolerate of [
    [E.ENOENT, E.ENOTDIR, E.EACCES],
    [E.ENOENT, E.ENOTDIR],
  ]) {
    for (const candidate of candidates(r.process)) init.sys("execve", [init.str(candidate), argv, envp], { tolerate });
  }
  init.fail(E.ENOENT, `${file} is not in PATH`);
}

function candidates({ args: [file = ""], env }: ProcessSpec): readonly string[] {
  return (env?.PATH ?? DEFAULT_PATH).split(":").map((directory) => `${directory || "."}/${file}`);
}
