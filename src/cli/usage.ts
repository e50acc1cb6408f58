import { type AnySyntax, type Flag, spelling } from "./syntax.ts";

/** The help of one command; `details` is what is said below. */
export function commandHelp(name: string, { summary, usage, flags, words = [] }: AnySyntax, details: string): string {
  const groups = new Map<string, (readonly [string, string])[]>();
  let heading = "Options:";
  for (const [member, flag] of Object.entries(flags)) {
    heading = flag.group ?? heading;
    const rows = groups.get(heading) ?? [];
    groups.set(heading, [...rows, [spelling(member, flag), flagText(flag)]]);
  }
  groups.set("Options:", [...(groups.get("Options:") ?? []), ["-h, --help", "display help for command"]]);
  const parts = [...(words.length > 0 ? [["Arguments:", words] as const] : []), ...groups];
  return `Usage: ct ${name} ${usage}\n\n${summary}\n\n${sections(parts)}${details}\n`;
}

/** The help of a word that has commands of its own. */
export const groupHelp = (group: string, commands: readonly Row[]): string =>
  `Usage: ct ${group} COMMAND\n\n${sections([["Commands:", commands]])}\n"ct help ${group} COMMAND" tells more.\n`;

/** The help of `ct` itself. */
export function programHelp(commands: readonly Row[], details: string): string {
  const options = [
    ["--root <dir>", "where containers are written down; stands before the command"],
    ["--data <dir>", "where images and volumes are kept; stands before the command"],
    ["-V, --version", "output the version number"],
    ["-h, --help", "display help for command"],
  ] as const;
  const parts = [
    ["Options:", options],
    ["Commands:", [...commands, ["help [command]", "display help for command"] as const]],
  ] as const;
  return `Usage: ct [options] [command]\n\nContainers without a daemon and without root.\n\n${sections(parts)}${details}\n`;
}

const flagText = ({ text, choices }: Flag) =>
  choices ? `${text} (choices: ${choices.map((choice) => JSON.stringify(choice)).join(", ")})` : text;

type Row = readonly [term: string, text: string];

/** Headings with rows of two columns, the same width in all. */
function sections(parts: readonly (readonly [heading: string, rows: readonly Row[]])[]): string {
  const width = Math.max(...parts.flatMap(([, rows]) => rows.map(([term]) => term.length)));
  const room = Math.max(40, (process.stdout.columns ?? 80) - width - 4);
  const row = ([term, text]: Row) => `  ${term.padEnd(width)}  ${wrap(text, room).join(`\n${" ".repeat(width + 4)}`)}`;
  return parts.map(([heading, rows]) => `${heading}\n${rows.map(row).join("\n")}\n`).join("\n");
}

function wrap(text: string, room: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > room) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
