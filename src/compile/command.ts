import { E, SIG_SETMASK } from "../linux/index.ts";
import { enterDirectory, type ProcessContext } from "./context.ts";

export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Goes to the working directory as the process's own user, and makes sure that it lies in the container (CVE-2024-21626). */
export function enterWorkingDirectory(c: ProcessContext): void {
  const { init, resolved: r } = c;
  const cwd = r.process.cwd ?? (r.root ? "/" : undefined);
  if (cwd === undefined) return;
  init.at("process.cwd");
  if (r.root) enterDirectory(init, cwd, "enter the working directory");
  else init.sys("chdir", [init.str(cwd)]);
}

/** Every descriptor but the three streams, and what is passed, closes at execve. */
export function closeDescriptors(c: ProcessContext): void {
  const { init } = c;
  const { passed = 0, features } = c.resolved;
  const CLOSE_RANGE_CLOEXEC = 4;
  const first = STREAMS + passed;
  init.at("process");
  if (features.closeRange) init.sys("close_range", [first, 0xffffffff, CLOSE_RANGE_CLOEXEC]);
  else init.closeFrom(first);
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

/** Executes the command, searched for in the PATH of its own environment as execvp(3) does. */
export function execute(c: ProcessContext): void {
  const { init, resolved: r } = c;
  const [file = ""] = r.process.args;
  const env = r.process.env ?? { PATH: DEFAULT_PATH };
  const argv = init.memory.strings(r.process.args);
  const envp = init.memory.strings(Object.entries(env).map(([name, value]) => `${name}=${value}`));
  init.at("process.args[0]");
  if (file.includes("/")) {
    init.sys("execve", [init.str(file), argv, envp]);
    return;
  }
  const candidates = (env.PATH ?? DEFAULT_PATH).split(":").map((directory) => `${directory || "."}/${file}`);
  // A file without permission does not end the search, but it decides the error when nothing else is found: hence two rounds.
  for (const tolerate of [
    [E.ENOENT, E.ENOTDIR, E.EACCES],
    [E.ENOENT, E.ENOTDIR],
  ]) {
    for (const candidate of candidates) init.sys("execve", [init.str(candidate), argv, envp], { tolerate });
  }
  init.fail(E.ENOENT, `${file} is not in PATH`);
}
