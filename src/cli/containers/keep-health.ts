import { spawn } from "node:child_process";
import { LibctError } from "../../errors.ts";
import { absolutePath } from "../../linux/index.ts";
import type { Globals } from "../command.ts";

/** Leaves a `ct health --watch` in the background, which ends with the container. */
export async function keepHealth(name: string, { stateDirectory }: Globals): Promise<void> {
  const [file, ...words] = ownCommand();
  const root = stateDirectory === undefined ? [] : ["--root", absolutePath(stateDirectory)];
  // Nothing of the caller's may be kept: neither his terminal nor his working directory.
  const line = [...words, ...root, "health", "--watch", name];
  const keeper = spawn(file, line, { detached: true, stdio: "ignore", cwd: "/" });
  await new Promise<void>((resolve, reject) => {
    keeper.once("spawn", resolve);
    keeper.once("error", (cause: NodeJS.ErrnoException) => {
      const message = `container ${name} runs, but nobody checks its health: ${file} cannot be executed: ${cause.code}`;
      const details = { path: file, errno: cause.code, hint: `ct health --watch ${name}`, cause };
      reject(new LibctError("ERR_CT_STATE", message, details));
    });
  });
  keeper.unref();
}

/** How this `ct` was started: the single-file program has its script in itself (https://bun.com/docs/bundler/executables). */
function ownCommand(): [string, ...string[]] {
  const { execPath, execArgv, argv } = process;
  const [, script] = argv;
  return script === undefined || script.startsWith("/$bunfs/") ? [execPath] : [execPath, ...execArgv, script];
}
