import type { Command } from "./command.ts";
import { print } from "./output.ts";
import { unknownWord, usage } from "./syntax.ts";

/** A command that has commands of its own: `ct network create`. */
export function subcommands(name: string, summary: string, commands: Readonly<Record<string, Command>>): Command {
  const names = Object.keys(commands);
  return {
    syntax: {
      summary,
      usage: `${names.join("|")} [options] ...`,
      flags: {},
      words: Object.entries(commands).map(([word, { syntax }]) => [word, syntax.summary] as const),
    },
    details: async () => `\n"ct ${name} ${names[0]} --help" tells its options.`,
    read([word, ...rest], after) {
      if (word === "--help" || word === "-h") return { help: true, json: false, act: async () => 0 };
      if (word === undefined) throw usage(`expected one of ${names.join(", ")}`, `ct ${name} --help`);
      const chosen = Object.hasOwn(commands, word) ? commands[word] : undefined;
      if (!chosen)
        throw unknownWord(
          "command",
          `${name} ${word}`,
          names.map((one) => `${name} ${one}`),
        );
      const task = chosen.read(rest, after);
      return task.help ? { ...task, help: false, act: () => tell(`${name} ${word}`, chosen) } : task;
    },
  };
}

async function tell(name: string, { syntax, details }: Command): Promise<number> {
  const { commandHelp } = await import("./usage.ts");
  await print(process.stdout, commandHelp(name, syntax, await details()));
  return 0;
}
