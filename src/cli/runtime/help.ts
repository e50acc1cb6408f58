import { type Flag, spelling } from "../syntax.ts";
import { GLOBAL_FLAGS } from "./globals.ts";
import { say } from "./output.ts";
import type { HelpAsked } from "./syntax.ts";

export function tellVersion(version: string, ociVersion: string): number {
  say(`ct-runtime version ${version}\nspec: ${ociVersion}\n`);
  return 0;
}

export async function tellHelp(commands: readonly string[]): Promise<number> {
  say(`ct-runtime: an OCI runtime with the command line of runc

Usage: ct-runtime [global options] COMMAND [options] [words]

Commands: ${commands.join(", ")}
("ct-runtime COMMAND --help" tells the options of one)

Global options:
${rowsOf(GLOBAL_FLAGS)}
`);
  return 0;
}

export function tellCommandHelp({ command, syntax: { summary, usage, flags } }: HelpAsked): number {
  const options = Object.keys(flags).length === 0 ? "" : `\nOptions:\n${rowsOf(flags)}\n`;
  say(
    `ct-runtime ${command}: ${summary}\n\nUsage: ct-runtime [global options] ${`${command} ${usage}`.trimEnd()}\n${options}`,
  );
  return 0;
}

function rowsOf(flags: Readonly<Record<string, Flag>>): string {
  const rows = Object.entries(flags).map(([member, flag]) => [spelling(member, flag), textOf(flag)] as const);
  const width = Math.max(...rows.map(([term]) => term.length));
  return rows.map(([term, text]) => `  ${term.padEnd(width)}  ${text}`).join("\n");
}

const textOf = ({ text, choices }: Flag) => (choices ? `${text} (${choices.join(", ")})` : text);
