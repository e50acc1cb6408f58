import { Command, CommanderError } from "commander";
import { LibctError } from "../errors.ts";
import type { Action } from "./action.ts";
import { EXIT, exitCodeOf, reportError } from "./exit.ts";
import { NO_FLAGS, type RunFlags, withRunFlags } from "./flags.ts";
import { DOCTOR_HELP, EXPLAIN_HELP, PROGRAM_HELP, RUN_HELP } from "./help.ts";
import { print } from "./output.ts";
import { splitWords } from "./words.ts";

/** Runs `ct` with the words of its command line (without node and script), and gives the exit status. */
export async function main(words: readonly string[], version: string): Promise<number> {
  const line = new CommandLine(words, version);
  try {
    return await line.run();
  } catch (error) {
    const told = error instanceof CommanderError ? usageError(error) : error;
    if (told === undefined) return error instanceof CommanderError && error.exitCode === 0 ? 0 : EXIT.FAILED;
    await reportError(told, line.json);
    return exitCodeOf(told);
  }
}

class CommandLine {
  /** Errors are for programs. Until the flags are parsed, the word alone tells. */
  json: boolean;
  readonly #before: readonly string[];
  readonly #after: readonly string[] | undefined;
  readonly #program: Command;
  #status = 0;

  constructor(words: readonly string[], version: string) {
    // Commander forgets where "--" stood, and that is what tells ROOT from COMMAND.
    const dashes = words.indexOf("--");
    this.#before = dashes < 0 ? words : words.slice(0, dashes);
    this.#after = dashes < 0 ? undefined : words.slice(dashes + 1);
    this.json = this.#before.includes("--json");
    this.#program = new Command("ct").version(version).description("Containers without a daemon and without root.");
    this.#program.enablePositionalOptions().exitOverride().addHelpText("after", PROGRAM_HELP);
    // Errors are reported in one place, in one form.
    this.#program.configureOutput({
      outputError: () => undefined,
      writeOut: (text) => void print(process.stdout, text),
    });
    this.#addCommands();
  }

  async run(): Promise<number> {
    await this.#program.parseAsync([...this.#before], { from: "user" });
    return this.#status;
  }

  #addCommands(): void {
    const run = this.#program.command("run").description("run a command in a container of its own");
    const explain = this.#program.command("explain").description("print the system calls that `run` would make");
    // Sixty flags take a while: only the command that is called gets its own.
    if (this.#before.includes("run")) this.#defineRun(run);
    if (this.#before.includes("explain")) this.#defineExplain(explain);
    this.#program
      .command("doctor")
      .description("tell what this machine and this user can do, and how to get the rest")
      .option("--json", "print it as JSON")
      .addHelpText("after", DOCTOR_HELP)
      .action(async ({ json = false }: { json?: boolean }) => {
        this.json = json;
        this.#status = await (await import("./doctor.ts")).doctor(json);
      });
  }

  #defineRun(command: Command): void {
    withRunFlags(command, this.#after !== undefined)
      .option("--json", "take the output and print the result: exitCode, signal, stdout, stderr, reason, duration")
      .addHelpText("after", RUN_HELP)
      .action(this.#action(async () => (await import("./run.ts")).run));
  }

  #defineExplain(command: Command): void {
    withRunFlags(command, this.#after !== undefined)
      .option("--json", "print the listing as JSON")
      .option("--kernel <release>", "as for another kernel, such as 4.19 or 5.10")
      .addHelpText("after", EXPLAIN_HELP)
      .action(this.#action(async () => (await import("./explain.ts")).explain));
  }

  #action(load: () => Promise<Action>) {
    return async (first: string | undefined, rest: readonly string[], given: Partial<RunFlags>) => {
      const flags = { ...NO_FLAGS, ...given };
      this.json = flags.json ?? false;
      const words = splitWords([...(first === undefined ? [] : [first]), ...rest], this.#after);
      const action = await load();
      this.#status = await action({ flags, ...words });
    };
  }
}

/** Commander's error in our words; nothing when it has said all itself: help, or the version. */
function usageError(error: CommanderError): LibctError | undefined {
  if (error.exitCode === 0 || error.code === "commander.help") return undefined;
  const [message = "", suggestion] = error.message.replace(/^error: /, "").split("\n");
  const unknown = error.code === "commander.unknownOption" || error.code === "commander.unknownCommand";
  const hint =
    suggestion?.replace(/^\(Did (.*)\)$/, "did $1") ?? (unknown ? "`ct help` tells what there is" : undefined);
  return new LibctError("ERR_CT_USAGE", message.replace(/\.$/, ""), { hint });
}
