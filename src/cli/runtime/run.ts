import { follow } from "../follow.ts";
import { CREATE_FLAGS, type CreateFlags, inherited, prepare, readBundle, requireConsole, writePid } from "./create.ts";
import type { Runtime } from "./runtime.ts";
import { type RuntimeSyntax, readCommand } from "./syntax.ts";

interface RunFlags extends CreateFlags {
  readonly detach?: true;
  readonly keep?: true;
  readonly noSubreaper?: true;
}

const SYNTAX: RuntimeSyntax<RunFlags> = {
  summary: "make a container, start its command and wait for it",
  usage: "[options] CONTAINER",
  words: [1, 1],
  flags: {
    ...CREATE_FLAGS,
    detach: { short: "-d", text: "do not wait for it" },
    keep: { text: "keep the container when its command has ended" },
    noSubreaper: { text: "accepted, and of no effect" },
  },
};

export async function run(runtime: Runtime, line: readonly string[]): Promise<number> {
  const { flags, words } = readCommand("run", SYNTAX, line);
  const id = words[0] ?? "";
  if (!flags.detach) return await wait(runtime, id, flags);
  const container = await prepare(runtime, id, flags);
  try {
    await container.release();
  } catch (error) {
    await container.remove({ force: true });
    throw error;
  }
  return 0;
}

/** Nobody adopts it here, so it has a monitor, and ends with us. */
async function wait(runtime: Runtime, id: string, flags: RunFlags): Promise<number> {
  const { spec, process } = readBundle(runtime, id, flags);
  requireConsole(process.terminal ?? false, flags.consoleSocket, false);
  const host = await runtime.host();
  const container = await host.create({ ...spec, lifetime: "app", autoRemove: !flags.keep });
  const isInit = (spec.namespaces ?? []).some((one) => typeof one === "object" && one.type === "pid" && !one.path);
  return await follow({ terminal: process.terminal ?? false, isInit }, async () => {
    const child = await container.start(process, inherited(flags));
    if (flags.pidFile !== undefined) writePid(flags.pidFile, child.pid);
    return child;
  });
}
