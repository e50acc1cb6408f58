import { startExecutor } from "../executor/index.ts";
import type { Action } from "./action.ts";
import { EXIT, exitCodeOf, reportError } from "./exit.ts";
import { EXPLAIN_FLAGS, RUN_FLAGS, type RunFlags } from "./flags.ts";
import { print } from "./output.ts";
import { type AnySyntax, type CommandSyntax, type Parsed, parseFlags, unknownWord, usage } from "./syntax.ts";
import { splitWords } from "./words.ts";

/** A command of `ct`: how it is written, what is said below its help, and what it does. What it needs is loaded when it is called. */
interface Command {
  readonly syntax: AnySyntax;
  details(): Promise<string>;
  /** Reads its words: `before` what stands before "--", `after` what follows it. Gives what is to be done. */
  read(before: readonly string[], after: readonly string[] | undefined): Task;
}

interface Task {
  readonly help: boolean;
  /** Errors are for programs. */
  readonly json: boolean;
  act(): Promise<number>;
}

type After = readonly string[] | undefined;

function command<T extends { readonly json?: true }>(
  syntax: CommandSyntax<T>,
  details: () => Promise<string>,
  act: (parsed: Parsed<T>, after: After) => Promise<number>,
): Command {
  return {
    syntax: syntax as unknown as AnySyntax,
    details,
    read(before, after) {
      // Without "--" what follows the first word may be the command's own flags.
      const parsed = parseFlags(syntax.flags, before, after !== undefined || syntax.most !== undefined);
      const { help, words, flags } = parsed;
      if (!help && words.length > (syntax.most ?? words.length)) throw tooMany(syntax.most ?? 0, words.length);
      return { help, json: flags.json ?? false, act: () => act(parsed, after) };
    },
  };
}

const tooMany = (most: number, given: number) => usage(`too many words: at most ${most}, but ${given} were given`);

const IN_ROOT = {
  usage: "[options] [ROOT] -- COMMAND...",
  words: [
    ["ROOT", 'what "/" is: a directory, a file with a filesystem, or "host" (default)'],
    ["COMMAND", "the program and its arguments"],
  ],
} as const;

const COMMANDS: Readonly<Record<string, Command>> = {
  run: command<Omit<RunFlags, "kernel">>(
    { summary: "run a command in a container of its own", ...IN_ROOT, flags: RUN_FLAGS },
    async () => (await import("./help.ts")).RUN_HELP,
    inContainer(async () => (await import("./run.ts")).run),
  ),
  explain: command<RunFlags>(
    { summary: "print the system calls that `run` would make", ...IN_ROOT, flags: EXPLAIN_FLAGS },
    async () => (await import("./help.ts")).EXPLAIN_HELP,
    inContainer(async () => (await import("./explain.ts")).explain),
  ),
  doctor: command<{ readonly json?: true }>(
    {
      summary: "tell what this machine and this user can do, and how to get the rest",
      usage: "[options]",
      flags: { json: { text: "print it as JSON" } },
      most: 0,
    },
    async () => (await import("./help.ts")).DOCTOR_HELP,
    async ({ flags }) => (await import("./doctor.ts")).doctor(flags.json ?? false),
  ),
};

function inContainer(load: () => Promise<Action>) {
  return async ({ flags, words }: Parsed<RunFlags>, after: After): Promise<number> => {
    const invocation = { flags, ...splitWords(words, after) };
    // It starts while the rest of the program is loaded.
    const executor = await startExecutor();
    return await (await load())(invocation, executor);
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
    const [name, ...rest] = before;
    const chosen = name === undefined ? undefined : COMMANDS[name];
    if (!chosen) return await withoutCommand(before, version);
    const task = chosen.read(rest, after);
    json = task.json;
    return task.help ? await tellCommand(name ?? "", chosen) : await task.act();
  } catch (error) {
    await reportError(error, json);
    return exitCodeOf(error);
  }
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
