import type { Command } from "./command.ts";
import { print } from "./output.ts";
import { longName, usage } from "./syntax.ts";

type Commands = Readonly<Record<string, Pick<Command, "syntax">>>;

/** Commands whose words are names of containers. */
const takesNames = ({ syntax }: Pick<Command, "syntax">) => syntax.words?.some(([name]) => name === "NAME") ?? false;
const flagsOf = ({ syntax }: Pick<Command, "syntax">) =>
  [...Object.keys(syntax.flags).map(longName), "--help"].join(" ");

/** `ct completion SHELL`: commands, flags, and the names of containers, made from the same tables that the command line is read with. */
export async function completion(shell: string | undefined, commands: Commands): Promise<number> {
  const script = shell === undefined ? undefined : SHELLS[shell];
  if (!script) throw usage("expected bash, zsh or fish", "source <(ct completion bash)");
  await print(process.stdout, script(commands));
  return 0;
}

const SHELLS: Readonly<Record<string, (commands: Commands) => string>> = {
  bash,
  // bashcompinit(zshcompsys): zsh takes bash's.
  zsh: (commands) =>
    `autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n${bash(commands)}`,
  fish,
};

function bash(commands: Commands): string {
  const cases = Object.entries(commands).map(([name, command]) => {
    const names = takesNames(command) ? " $(ct ps -q 2>/dev/null)" : "";
    return `    ${name}) words="${flagsOf(command)}${names}" ;;`;
  });
  return `_ct() {
  local current=\${COMP_WORDS[COMP_CWORD]} words
  case \${COMP_WORDS[1]} in
${cases.join("\n")}
    *) words="--root --help --version ${Object.keys(commands).join(" ")}" ;;
  esac
  [ "$COMP_CWORD" -gt 1 ] || words="--root --help --version ${Object.keys(commands).join(" ")}"
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -F _ct ct
`;
}

function fish(commands: Commands): string {
  const quote = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const lines = Object.entries(commands).flatMap(([name, command]) => [
    `complete -c ct -n __fish_use_subcommand -f -a ${name} -d ${quote(command.syntax.summary)}`,
    ...Object.entries(command.syntax.flags).map(
      ([member, { text }]) =>
        `complete -c ct -n '__fish_seen_subcommand_from ${name}' -l ${longName(member).slice(2)} -d ${quote(text)}`,
    ),
    ...(takesNames(command)
      ? [`complete -c ct -n '__fish_seen_subcommand_from ${name}' -f -a '(ct ps -q 2>/dev/null)'`]
      : []),
  ]);
  return `${lines.join("\n")}\n`;
}
