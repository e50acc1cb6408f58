import { describe, expect, it } from "vitest";
import { EXPLAIN_FLAGS, RUN_FLAGS } from "../../src/cli/flags.ts";
import { type FlagTable, longName, parseFlags, unknownWord } from "../../src/cli/syntax.ts";
import { commandHelp, programHelp } from "../../src/cli/usage.ts";

interface Flags {
  readonly readOnly?: true;
  readonly tty?: true;
  readonly interactive?: true;
  readonly user?: string;
  readonly net?: "none" | "host";
  readonly env: readonly string[];
}

const FLAGS: FlagTable<Flags> = {
  readOnly: { text: "read-only", group: "Root:" },
  tty: { short: "-t", text: "a terminal", group: "Process:" },
  interactive: { short: "-i", text: "input" },
  user: { short: "-u", value: "user", text: "who" },
  net: { value: "kind", choices: ["none", "host"], text: "network" },
  env: { short: "-e", value: "name[=value]", many: true, text: "a variable" },
};
const parse = (line: string, anywhere = true) =>
  parseFlags(
    FLAGS,
    line.split(" ").filter((word) => word !== ""),
    anywhere,
  );

describe("a command line", () => {
  it.each<[line: string, flags: Flags, words: readonly string[]]>([
    ["", { env: [] }, []],
    ["--read-only", { readOnly: true, env: [] }, []],
    ["-ti root", { tty: true, interactive: true, env: [] }, ["root"]],
    ["--user me --net=host", { user: "me", net: "host", env: [] }, []],
    ["-ume -e A=1 -eB --env C=--x", { user: "me", env: ["A=1", "B", "C=--x"] }, []],
    ["-tu me", { tty: true, user: "me", env: [] }, []],
    ["--user -5", { user: "-5", env: [] }, []],
    ["--user=", { user: "", env: [] }, []],
    ["a -t b - c", { tty: true, env: [] }, ["a", "b", "-", "c"]],
  ])("%s", (line, flags, words) => {
    expect(parse(line)).toEqual({ flags, words, help: false });
  });

  it("ends its flags with the first word, when the rest may be another command's", () => {
    expect(parse("-t root ls -l --help", false)).toEqual({
      flags: { tty: true, env: [] },
      words: ["root", "ls", "-l", "--help"],
      help: false,
    });
  });

  it.each(["--help", "-h", "-th", "root -h"])("asks for help: %s", (line) => {
    expect(parse(line).help).toBe(true);
  });

  it.each([
    ["--reed-only", "unknown option '--reed-only'; hint: did you mean --read-only?"],
    ["--frob", "unknown option '--frob'; hint: `ct help` tells what there is"],
    ["-tx", "unknown option '-x'"],
    ["--tty=yes", "option '--tty' takes no value"],
    ["--env", "option '-e, --env <name[=value]>' argument missing"],
    ["-u", "option '-u, --user <user>' argument missing"],
    ["--net bridge", "option '--net <kind>' argument 'bridge' is invalid. Allowed choices are none, host"],
    ["--constructor", "unknown option"],
  ])("is refused: %s", (line, text) => {
    expect(() => parse(line)).toThrow(text);
  });

  it("is told which command was probably meant", () => {
    expect(unknownWord("command", "rum", ["run", "explain"]).message).toContain("did you mean run?");
  });
});

describe("help", () => {
  const syntax = { summary: "does something", usage: "[options] [ROOT]", words: [["ROOT", "where"]] } as const;

  it("tells every flag, under its heading, with its choices", () => {
    const text = commandHelp("try", { ...syntax, flags: FLAGS }, "\nMore.");
    expect(text).toMatch(/^Usage: ct try \[options\] \[ROOT\]\n\ndoes something\n\nArguments:\n {2}ROOT +where\n/);
    expect(text).toMatch(/\nRoot:\n {2}--read-only +read-only\n\nProcess:\n {2}-t, --tty +a terminal\n/);
    expect(text).toMatch(/ {2}--net <kind> +network \(choices: "none", "host"\)\n/);
    expect(text).toMatch(/\nMore\.\n$/);
  });

  it.each([
    ["run", RUN_FLAGS],
    ["explain", EXPLAIN_FLAGS],
  ])("of %s names each flag once, in lines that fit a terminal", (name, flags) => {
    const text = commandHelp(name, { ...syntax, flags }, "");
    for (const member of Object.keys(flags)) expect(text.split(`${longName(member)} `).length, member).toBe(2);
    expect(text.split("\n").filter((line) => line.length > 100)).toEqual([]);
  });

  it("of the program names the commands", () => {
    expect(programHelp([["run", "run a command"]], "\nMore.")).toMatch(/Commands:\n {2}run +run a command\n/);
  });
});
