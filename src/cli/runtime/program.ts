import { LibctError } from "../../errors.ts";
import type { Host } from "../../host/index.ts";
import { OCI_VERSION } from "../../spec/index.ts";
import { unknownWord } from "../syntax.ts";
import { COMMANDS } from "./commands.ts";
import { GLOBAL_FLAGS } from "./globals.ts";
import { Log } from "./log.ts";
import { type Runtime, RuntimeFailure } from "./runtime.ts";
import { HelpAsked, readLine } from "./syntax.ts";

/** `ct-runtime`: the command line of runc, as engines call it. Gives the exit status. */
export async function runtimeMain(line: readonly string[], version: string): Promise<number> {
  let log = new Log({});
  try {
    const { flags: globals, words, help } = readLine(GLOBAL_FLAGS, line);
    log = new Log(globals);
    const [name, ...rest] = words;
    if (globals.version) return (await import("./help.ts")).tellVersion(version, OCI_VERSION);
    if (help || name === undefined || name === "help" || name === "h") {
      return await (await import("./help.ts")).tellHelp(Object.keys(COMMANDS));
    }
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (!command) throw unknownWord("command", name, Object.keys(COMMANDS));
    log.debug(`${name} ${rest.join(" ")}`);
    return await withHost({ globals, log, version, command: name }, (runtime) => command(runtime, rest));
  } catch (error) {
    if (error instanceof HelpAsked) return (await import("./help.ts")).tellCommandHelp(error);
    log.error(await inTermsOfConfig(error));
    return error instanceof RuntimeFailure ? error.status : 1;
  }
}

/** Members by their names in config.json, which is what the caller has written. */
async function inTermsOfConfig(error: unknown): Promise<unknown> {
  if (!(error instanceof LibctError)) return error;
  return (await import("../../flavours/oci/index.ts")).inConfig(error);
}

/** These need the executor whatever happens: it starts while they read what is wanted. */
const MAKES: ReadonlySet<string> = new Set(["create", "run", "exec"]);

async function withHost(
  given: Omit<Runtime, "host"> & { readonly command: string },
  use: (runtime: Runtime) => Promise<number>,
): Promise<number> {
  let host: Promise<Host> | undefined;
  const open = async () => (await import("./open-host.ts")).openHost(given.globals, !MAKES.has(given.command));
  if (MAKES.has(given.command)) {
    host = open();
    host.catch(() => undefined); // Who asks for it is told.
  }
  const runtime: Runtime = {
    ...given,
    host() {
      host ??= open();
      return host;
    },
  };
  try {
    return await use(runtime);
  } finally {
    await (await host?.catch(() => undefined))?.[Symbol.asyncDispose]();
  }
}
