import { Command, CommanderError } from "commander";
import { EXIT, exitCodeOf, reportError } from "./exit.ts";
import { type RunFlags, withRunFlags } from "./flags.ts";
import { splitWords } from "./words.ts";

type Action = (flags: RunFlags, root: string | undefined, command: readonly string[]) => Promise<number>;

/** Runs `ct` with the words of its command line (without node and script), and gives the exit status. */
export async function main(words: readonly string[], version: string): Promise<number> {
  // Commander forgets where "--" stood, and that is what tells ROOT from COMMAND.
  const dashes = words.indexOf("--");
  const before = dashes < 0 ? words : words.slice(0, dashes);
  const after = dashes < 0 ? undefined : words.slice(dashes + 1);
  let status = 0;
  const program = new Command("ct").description("Containers without a daemon and without root.").version(version);
  program
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "ct: ")) });
  const act =
    (load: () => Promise<Action>) => async (root: string | undefined, command: readonly string[], flags: RunFlags) => {
      const split = splitWords([...(root === undefined ? [] : [root]), ...command], after);
      const action = await load();
      status = await action(flags, split.root, split.command);
    };
  withRunFlags(program.command("run").description("run a command in a container of its own"))
    .option("--json", "print the result as JSON: exitCode, signal, stdout, stderr, reason, duration")
    .addHelpText("after", RUN_EXAMPLES)
    .action(act(async () => (await import("./run.ts")).run));
  withRunFlags(
    program.command("explain").description("print every system call that `run` would make, without making any"),
  )
    .option("--json", "print the listing as JSON")
    .option("--kernel <release>", "for another kernel, such as 4.19 or 5.10")
    .action(act(async () => (await import("./explain.ts")).explain));
  program
    .command("doctor")
    .description("tell what this kernel and this user can do, and what is missing for the rest")
    .option("--json", "print it as JSON")
    .action(async (flags: { json?: true }) => {
      status = await (await import("./doctor.ts")).doctor(flags.json ?? false);
    });
  try {
    await program.parseAsync([...before], { from: "user" });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.FAILED;
    reportError(error, before.includes("--json"));
    return exitCodeOf(error);
  }
}

const RUN_EXAMPLES = `
Examples:
  ct run -- sh -c 'id; hostname; touch /etc/x'      over this machine's root; nothing stays
  ct run -t ./rootfs -- /bin/sh                     a directory as the root, with a terminal
  ct run -v ./src:/src:ro --tmpfs /tmp -- make -C /src
  ct run --sandbox --workspace . --timeout 30s -- node generated.js

The exit status is the command's: 128 and the signal's number when it was killed, 125 when ct failed, 126 when the
command cannot be executed, 127 when there is none.`;
