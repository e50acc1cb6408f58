import { startExecutor } from "../executor/index.ts";
import type { Action } from "./action.ts";
import { type After, type Command, command, type Globals } from "./command.ts";
import { CONTAINER_COMMANDS } from "./container-commands.ts";
import { EXIT, exitCodeOf, reportError } from "./exit.ts";
import { CREATE_FLAGS, EXPLAIN_FLAGS, RUN_FLAGS, type RunFlags } from "./flags.ts";
import type { ImportFlags } from "./import.ts";
import { NETWORK_COMMANDS } from "./network-commands.ts";
import { print } from "./output.ts";
import { type Parsed, unknownWord, usage } from "./syntax.ts";
import { splitWords } from "./words.ts";

const IN_ROOT = {
  passThrough: true,
  usage: "[options] [ROOT] -- COMMAND...",
  words: [
    ["ROOT", 'what "/" is: a directory, a file with a filesystem, or "host" (default); or lxc:NAME (see `ct import`)'],
    ["COMMAND", "the program and its arguments"],
  ],
} as const;

const COMMANDS: Readonly<Record<string, Command>> = {
  run: command<Omit<RunFlags, "kernel">>(
    { summary: "run a command in a container of its own", ...IN_ROOT, flags: RUN_FLAGS },
    async () => (await import("./help.ts")).RUN_HELP,
    inContainer(async () => (await import("./run.ts")).run),
  ),
  create: command<Omit<RunFlags, "kernel">>(
    {
      summary: "make a container in the background whose command waits for `ct start`",
      ...IN_ROOT,
      flags: CREATE_FLAGS,
    },
    async () => (await import("./help.ts")).RUN_HELP,
    inContainer(async () => (await import("./containers/create.ts")).create),
  ),
  ...CONTAINER_COMMANDS,
  network: NETWORK_COMMANDS,
  explain: command<RunFlags>(
    { summary: "print the system calls that `run` would make", ...IN_ROOT, flags: EXPLAIN_FLAGS },
    async () => (await import("./help.ts")).EXPLAIN_HELP,
    inContainer(async () => (await import("./explain.ts")).explain),
  ),
  import: command<ImportFlags>(
    {
      summary: "tell what becomes of a container of LXC, OpenVZ or systemd-nspawn, or of an OCI bundle",
      usage: "[options] SOURCE",
      words: [["SOURCE", "lxc:NAME, openvz:CTID, nspawn:NAME, bundle:DIR, with a path in place of a name, or a path"]],
      most: 1,
      flags: {
        name: { value: "name", text: "name the container otherwise" },
        json: { text: "print it as JSON: spec, process, notes" },
      },
    },
    async () => (await import("./help.ts")).IMPORT_HELP,
    async ({ words, flags }, _, globals) => (await import("./import.ts")).importCommand(words, flags, globals),
  ),
  doctor: command<{ readonly json?: true; readonly repair?: true }>(
    {
      summary: "tell what this machine and this user can do, and how to get the rest",
      usage: "[options]",
      flags: { json: { text: "print it as JSON" }, repair: { text: "remove what killed containers have left behind" } },
      most: 0,
    },
    async () => (await import("./help.ts")).DOCTOR_HELP,
    async ({ flags }, _, globals) => {
      if (flags.repair) return (await import("./containers/repair.ts")).repair(flags.json ?? false, globals);
      return (await import("./doctor.ts")).doctor(flags.json ?? false);
    },
  ),
  completion: command<Record<never, never>>(
    {
      summary: "print what makes a shell complete `ct`",
      usage: "bash|zsh|fish",
      flags: {},
      words: [["SHELL", "bash, zsh or fish: `source <(ct completion bash)`"]],
      most: 1,
    },
    async () => "",
    async ({ words }) => (await import("./completion.ts")).completion(words[0], COMMANDS),
  ),
};

function inContainer(load: () => Promise<Action>) {
  return async ({ flags, words }: Parsed<RunFlags>, after: After, globals: Globals): Promise<number> => {
    const invocation = { flags, ...splitWords(words, after) };
    // It starts while the rest of the program is loaded.
    const executor = await startExecutor();
    return await (await load())(invocation, executor, globals);
  };
}

/** Runs `ct` with the words of its command line (without node and script), and gives the exit status. */
export async function main(words: readonly string[], version: string): Promise<number> {
  const dashes = words.indexOf("--");
  const before = dashes < 0 ? words : words.slice(0, dashes);
  const after = dashes < 0 ? undefined : words.slice(dashes + 1);
  // Until the flags are read, the word alone tells whether errors are for programs.
  let json = before.includes("--json");
  try {
    const { globals, line } = readGlobals(before);
    const [name, ...rest] = line;
    const chosen = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (!chosen) return await withoutCommand(line, version);
    const task = chosen.read(rest, after);
    json = task.json;
    return task.help ? await tellCommand(name ?? "", chosen) : await task.act(globals);
  } catch (error) {
    await reportError(error, json);
    return exitCodeOf(error);
  }
}

/** What stands before the command: --root DIR. */
function readGlobals(line: readonly string[]): { readonly globals: Globals; readonly line: readonly string[] } {
  const [first = "", second, ...rest] = line;
  if (first.startsWith("--root=")) {
    return { globals: { stateDirectory: first.slice("--root=".length) }, line: line.slice(1) };
  }
  if (first !== "--root") return { globals: { stateDirectory: undefined }, line };
  if (second === undefined) throw usage("option '--root <dir>' argument missing");
  return { globals: { stateDirectory: second }, line: rest };
}

/** --version, --help, help [COMMAND], nothing, or what there is not. */
async function withoutCommand([first, second]: readonly string[], version: string): Promise<number> {
  if (first === undefined) {
    await print(process.stderr, await programHelp());
    return EXIT.FAILED;
  }
  if (first === "--version" || first === "-V") {
    await print(process.stdout, `${version}\n`);
    return 0;
  }
  const asked = first === "help" ? second : undefined;
  if (asked !== undefined) {
    const about = COMMANDS[asked];
    if (!about) throw unknownWord("command", asked, Object.keys(COMMANDS));
    return await tellCommand(asked, about);
  }
  if (first === "help" || first === "--help" || first === "-h") {
    await print(process.stdout, await programHelp());
    return 0;
  }
  throw unknownWord(first.startsWith("-") ? "option" : "command", first, Object.keys(COMMANDS));
}

async function tellCommand(name: string, { syntax, details }: Command): Promise<number> {
  const { commandHelp } = await import("./usage.ts");
  await print(process.stdout, commandHelp(name, syntax, await details()));
  return 0;
}

async function programHelp(): Promise<string> {
  const [{ programHelp: help }, { PROGRAM_HELP }] = [await import("./usage.ts"), await import("./help.ts")];
  const summaries = Object.entries(COMMANDS).map(([name, { syntax }]) => [name, syntax.summary] as const);
  return help(summaries, PROGRAM_HELP);
}
