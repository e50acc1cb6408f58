import type { Command } from "./command.ts";
import { print } from "./output.ts";
import { longName, usage } from "./syntax.ts";

type Described = Pick<Command, "syntax">;
type Commands = Readonly<Record<string, Described>>;

/** Everything that can be completed: `ct run`, `ct image ls`, and short forms such as `ct images`. */
export interface Completed {
  readonly commands: Commands;
  readonly groups: Readonly<Record<string, { readonly summary: string; readonly verbs: Commands }>>;
  readonly shortForms: Readonly<Record<string, readonly [group: string, verb: string]>>;
}

interface Line {
  /** "run", "image ls" */
  readonly name: string;
  readonly command: Described;
  /** A shell's command that lists what its words name. */
  readonly names: string | undefined;
}

const flagsOf = ({ syntax }: Described) => [...Object.keys(syntax.flags).map(longName), "--help"].join(" ");
const GLOBALS = "--root --data --help --version";
const CONTAINERS = "ps -q 2>/dev/null";
const IMAGES = "image ls 2>/dev/null | tail -n +2 | cut -d ' ' -f 1";

/** What the first word of a command names, by the word that its help has for it. */
function namesOf({ syntax }: Described, group?: string): string | undefined {
  const [word] = syntax.words?.[0] ?? [];
  if (word === "IMAGE") return IMAGES;
  if (word === "VOLUME") return "volume ls -q 2>/dev/null";
  if (word !== "NAME" && word !== "CONTAINER") return undefined;
  return group === "network" ? "network ls -q 2>/dev/null" : CONTAINERS;
}

function linesOf({ commands, groups, shortForms }: Completed): readonly Line[] {
  const line = (name: string, command: Described, group?: string): Line => {
    return { name, command, names: namesOf(command, group) };
  };
  return [
    ...Object.entries(commands).map(([name, command]) => line(name, command)),
    ...Object.entries(groups).flatMap(([group, { verbs }]) =>
      Object.entries(verbs).map(([verb, command]) => line(`${group} ${verb}`, command, group)),
    ),
    ...Object.entries(shortForms).flatMap(([name, [group, verb]]) => {
      const command = groups[group]?.verbs[verb];
      return command ? [line(name, command, group)] : [];
    }),
  ];
}

/** `ct completion SHELL`: commands, flags, and the names of containers and images, made from the same tables that the command line is read with. */
export async function completion(shell: string | undefined, all: Completed): Promise<number> {
  const script = shell === undefined ? undefined : SHELLS[shell];
  if (!script) throw usage("expected bash, zsh or fish", "source <(ct completion bash)");
  await print(process.stdout, script(all));
  return 0;
}

const SHELLS: Readonly<Record<string, (all: Completed) => string>> = {
  bash,
  // bashcompinit(zshcompsys): zsh takes bash's.
  zsh: (all) => `autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n${bash(all)}`,
  fish,
};

function bash(all: Completed): string {
  const { commands, groups, shortForms } = all;
  const cases = [
    ...linesOf(all).map(({ name, command, names }) => {
      const listed = names === undefined ? "" : ` $(ct "\${globals[@]}" ${names})`;
      return `    "${name}") words="${flagsOf(command)}${listed}" ;;`;
    }),
    ...Object.entries(groups).map(
      ([group, { verbs }]) => `    ${group}) words="--help ${Object.keys(verbs).join(" ")}" ;;`,
    ),
  ];
  const first = [commands, groups, shortForms].flatMap(Object.keys).join(" ");
  return `_ct() {
  local current=\${COMP_WORDS[COMP_CWORD]} at=1 words command globals
  while [ "$at" -lt "$COMP_CWORD" ]; do
    case \${COMP_WORDS[at]} in --root|--data) at=$((at + 2)) ;; *) break ;; esac
  done
  if [ "$at" -gt "$COMP_CWORD" ]; then
    COMPREPLY=($(compgen -d -- "$current"))
    return
  fi
  globals=("\${COMP_WORDS[@]:1:at-1}")
  [ "$at" -eq "$COMP_CWORD" ] || command=\${COMP_WORDS[at]}
  case $command in
    ${Object.keys(groups).join("|")}) [ "$COMP_CWORD" -le $((at + 1)) ] || command="$command \${COMP_WORDS[at + 1]}" ;;
  esac
  case $command in
${cases.join("\n")}
    "") words="${GLOBALS} ${first}" ;;
    *) words="" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -F _ct ct
`;
}

const quote = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

function fish(all: Completed): string {
  const { commands, groups, shortForms } = all;
  const first = [
    ...Object.entries(commands).map(([name, { syntax }]) => [name, syntax.summary] as const),
    ...Object.entries(groups).map(([name, { summary }]) => [name, summary] as const),
    ...Object.entries(shortForms).map(([name, words]) => [name, `as ct ${words.join(" ")}`] as const),
  ];
  const verbs = Object.entries(groups).flatMap(([group, { verbs: own }]) => {
    const when = `__fish_seen_subcommand_from ${group}; and not __fish_seen_subcommand_from ${Object.keys(own).join(" ")}`;
    return Object.entries(own).map(
      ([verb, { syntax }]) => `complete -c ct -n ${quote(when)} -f -a ${verb} -d ${quote(syntax.summary)}`,
    );
  });
  return `${[
    ...["root", "data"].map(
      (name) => `complete -c ct -n __fish_use_subcommand -l ${name} -r -a '(__fish_complete_directories)'`,
    ),
    ...first.map(([name, text]) => `complete -c ct -n __fish_use_subcommand -f -a ${name} -d ${quote(text)}`),
    ...verbs,
    ...linesOf(all).flatMap(fishLine),
  ].join("\n")}\n`;
}

function fishLine({ name, command, names }: Line): readonly string[] {
  const when = name
    .split(" ")
    .map((word) => `__fish_seen_subcommand_from ${word}`)
    .join("; and ");
  const flags = Object.entries(command.syntax.flags).map(
    ([member, { text }]) => `complete -c ct -n ${quote(when)} -l ${longName(member).slice(2)} -d ${quote(text)}`,
  );
  return names === undefined ? flags : [...flags, `complete -c ct -n ${quote(when)} -f -a ${quote(`(ct ${names})`)}`];
}
