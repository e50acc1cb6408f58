import type { StartOptions } from "../../host/index.ts";
import type { ProcessSpec } from "../../spec/index.ts";
import { parseCapabilities } from "../capabilities.ts";
import type { After, Globals } from "../command.ts";
import { parseEnv } from "../env.ts";
import { follow } from "../follow.ts";
import { print } from "../output.ts";
import { wrong } from "../parse.ts";
import { inputFor } from "../plan.ts";
import { preservedFds } from "../preserve-fds.ts";
import { usage } from "../syntax.ts";
import { isTerminal, readTerminal } from "../terminal.ts";
import { withHost } from "./with-host.ts";

export interface ExecFlags {
  readonly detach?: true;
  readonly tty?: true;
  readonly interactive?: true;
  readonly user?: string;
  readonly workdir?: string;
  readonly env: readonly string[];
  readonly envFile: readonly string[];
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly preserveFds?: string;
  readonly json?: true;
}

/** `ct exec`: another command in a container that runs. The exit status is the command's. */
export async function exec(
  words: readonly string[],
  after: After,
  flags: ExecFlags,
  globals: Globals,
): Promise<number> {
  const [name, ...rest] = words;
  const command = after ?? rest;
  if (name === undefined) throw usage("the name of a container is missing", "`ct ps` lists them");
  if (after && rest.length > 0) throw usage(`only the container's name may stand before "--", but ${rest[0]} does too`);
  if (command.length === 0) throw usage("no command is given", `ct exec ${name} -- COMMAND...`);
  if (flags.tty && !(await isTerminal(0))) throw usage("-t needs a terminal as standard input", "leave -t out");
  const fds = preservedFds(flags.preserveFds);
  return await withHost(globals, async (host) => {
    const container = await host.open(name);
    const base = container.info().process;
    const process = { ...(await processOf(flags, base)), args: command };
    if (flags.detach) {
      const streams: StartOptions = { stdin: "ignore", stdout: "ignore", stderr: "ignore" };
      const { pid } = await container.exec(process, { ...streams, ...fds, detached: true });
      if (flags.json) await print(globalThis.process.stdout, `${JSON.stringify({ name, pid })}\n`);
      return 0;
    }
    return await follow({ terminal: flags.tty ?? false, isInit: false }, async () =>
      container.exec(process, { stdin: await inputFor(flags), stdout: "inherit", stderr: "inherit", ...fds }),
    );
  });
}

async function processOf(flags: ExecFlags, base: ProcessSpec): Promise<Partial<ProcessSpec>> {
  const env = parseEnv(flags.env, flags.envFile, process.env);
  if (flags.tty) env.TERM ??= process.env.TERM ?? "xterm";
  const size = flags.tty ? await readTerminal() : undefined;
  return {
    ...(flags.tty ? { terminal: true } : { terminal: false }),
    ...(size ? { consoleSize: { height: size.rows, width: size.columns } } : {}),
    ...(Object.keys(env).length > 0 ? { env: { ...base.env, ...env } } : {}),
    ...(flags.user === undefined ? {} : { user: flags.user }),
    ...(flags.workdir === undefined ? {} : { cwd: containerPath(flags.workdir) }),
    ...capabilities(flags, base),
  };
}

function containerPath(path: string): string {
  if (path.startsWith("/")) return path;
  throw wrong("--workdir", path, "a path of the container, from / on");
}

function capabilities({ capAdd, capDrop }: ExecFlags, { capabilities: own }: ProcessSpec): Partial<ProcessSpec> {
  if (capAdd.length === 0 && capDrop.length === 0) return {};
  const set = parseCapabilities(capAdd, capDrop, own?.bounding, own?.bounding);
  return { capabilities: { bounding: set, effective: set, permitted: set } };
}
