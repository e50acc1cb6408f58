import { startExecutor } from "../executor/index.ts";
import type { Action } from "./action.ts";
import { type After, type Command, command, type Globals } from "./command.ts";
import { CONTAINER_COMMANDS } from "./container-commands.ts";
import { EXIT, exitCodeOf, reportError } from "./exit.ts";
import { CREATE_FLAGS, EXPLAIN_FLAGS, RUN_FLAGS, type RunFlags } from "./flags.ts";
import type { Grouped } from "./groups.ts";
import { REGISTRY_COMMANDS } from "./image/registry-commands.ts";
import type { ImportFlags } from "./import.ts";
import { print } from "./output.ts";
import { type Parsed, unknownWord, usage } from "./syntax.ts";
import { splitWords } from "./words.ts";

const IN_ROOT = {
  passThrough: true,
  usage: "[options] [ROOT | IMAGE] -- COMMAND...",
  words: [
    ["ROOT", 'what "/" is: a directory, a file with a filesystem, or "host" (default); or lxc:NAME (see `ct import`)'],
    ["IMAGE", "an image in place of it, which is fetched when it is not here; then COMMAND may be left out"],
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
  ...REGISTRY_COMMANDS,
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
      return (await import("./doctor.ts")).doctor(flags.json ?? false, globals);
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
    async ({ words }) => (await import("./completion.ts")).completion(words[0], await allCommands()),
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
    const own = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    const chosen = own ? { name: name ?? "", command: own, rest } : await grouped(line);
    if (chosen === undefined) return await withoutCommand(line, version);
    if (chosen === "told") return 0;
    const task = chosen.command.read(chosen.rest, after);
    json = task.json;
    return task.help ? await tellCommand(chosen.name, chosen.command) : await task.act(globals);
  } catch (error) {
    await reportError(error, json);
    return exitCodeOf(error);
  }
}

/** `ct image ls`, `ct pull`: loaded when one of them is asked for. */
async function grouped(line: readonly string[]): Promise<Grouped | "told" | undefined> {
  const { findGrouped } = await import("./groups.ts");
  const found = await findGrouped(line);
  if (found === undefined || "command" in found) return found;
  const [, verb] = line;
  if (verb !== undefined && verb !== "--help" && verb !== "-h") {
    throw unknownWord(`${found.group} command`, verb, Object.keys(found.verbs));
  }
  const { groupHelp } = await import("./usage.ts");
  const summaries = Object.entries(found.verbs).map(([name, { syntax }]) => [name, syntax.summary] as const);
  await print(process.stdout, groupHelp(found.group, summaries));
  return "told";
}

const GLOBALS: Readonly<Record<string, keyof Globals>> = { "--root": "stateDirectory", "--data": "dataDirectory" };

/** What stands before the command: --root DIR, --data DIR. */
function readGlobals(given: readonly string[]): { readonly globals: Globals; readonly line: readonly string[] } {
  const globals: { -readonly [K in keyof Globals]: Globals[K] } = {
    stateDirectory: undefined,
    dataDirectory: undefined,
  };
  let line = given;
  for (;;) {
    const [first = "", second, ...rest] = line;
    const equals = first.indexOf("=");
    const member = GLOBALS[equals < 0 ? first : first.slice(0, equals)];
    if (member === undefined) return { globals, line };
    const value = equals < 0 ? second : first.slice(equals + 1);
    if (value === undefined) throw usage(`option '${first} <dir>' argument missing`);
    globals[member] = value;
    line = equals < 0 ? rest : line.slice(1);
  }
}

/** --version, --help, help [COMMAND], nothing, or what there is not. */
async function withoutCommand([first, ...more]: readonly string[], version: string): Promise<number> {
  if (first === undefined) {
    await print(process.stderr, await programHelp());
    return EXIT.FAILED;
  }
  if (first === "--version" || first === "-V") {
    await print(process.stdout, `${version}\n`);
    return 0;
  }
  const asked = first === "help" ? more[0] : undefined;
  if (asked !== undefined) {
    const about = COMMANDS[asked];
    if (about) return await tellCommand(asked, about);
    const found = await grouped(more);
    if (found === "told") return 0;
    if (found) return await tellCommand(found.name, found.command);
    throw unknownWord("command", asked, await allNames());
  }
  if (first === "help" || first === "--help" || first === "-h") {
    await print(process.stdout, await programHelp());
    return 0;
  }
  throw unknownWord(first.startsWith("-") ? "option" : "command", first, await allNames());
}

async function allCommands() {
  const { GROUPS, SHORT_FORMS: shortForms } = await import("./groups.ts");
  const groups = await Promise.all(
    Object.entries(GROUPS).map(async ([name, { summary, load }]) => [name, { summary, verbs: await load() }] as const),
  );
  return { commands: COMMANDS, groups: Object.fromEntries(groups), shortForms };
}

async function allNames(): Promise<readonly string[]> {
  const { GROUPS, SHORT_FORMS } = await import("./groups.ts");
  return [COMMANDS, GROUPS, SHORT_FORMS].flatMap(Object.keys);
}

async function tellCommand(name: string, { syntax, details }: Command): Promise<number> {
  const { commandHelp } = await import("./usage.ts");
  await print(process.stdout, commandHelp(name, syntax, await details()));
  return 0;
}

async function programHelp(): Promise<string> {
  const [{ programHelp: help }, { PROGRAM_HELP }] = [await import("./usage.ts"), await import("./help.ts")];
  const { GROUPS, SHORT_FORMS } = await import("./groups.ts");
  const short = Object.entries(SHORT_FORMS).map(([name, words]) => [name, `as \`ct ${words.join(" ")}\``] as const);
  const summaries = [
    ...Object.entries(COMMANDS).map(([name, { syntax }]) => [name, syntax.summary] as const),
    ...Object.entries(GROUPS).map(([name, { summary }]) => [name, summary] as const),
    ...short,
  ];
  return help(summaries, PROGRAM_HELP);
}
