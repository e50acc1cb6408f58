import { longName } from "../syntax.ts";
import { GLOBAL_FLAGS } from "./globals.ts";
import { say } from "./output.ts";

export function tellVersion(version: string, ociVersion: string): number {
  say(`ct-runtime version ${version}\nspec: ${ociVersion}\n`);
  return 0;
}

export async function tellHelp(commands: readonly string[]): Promise<number> {
  const flags = Object.entries(GLOBAL_FLAGS).map(([member, flag]) => {
    const value = "value" in flag && flag.value !== undefined ? ` <${flag.value}>` : "";
    return `  ${`${longName(member)}${value}`.padEnd(28)} ${flag.text}`;
  });
  say(`ct-runtime: an OCI runtime with the command line of runc

Usage: ct-runtime [global options] COMMAND [options] [words]

Commands: ${commands.join(", ")}

Global options:
${flags.join("\n")}
`);
  return 0;
}
