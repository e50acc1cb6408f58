import { spawnSync } from "node:child_process";
import { LibctError } from "../../errors.ts";
import { say } from "./output.ts";
import type { Runtime } from "./runtime.ts";
import { type RuntimeSyntax, readCommand } from "./syntax.ts";
import { openContainer } from "./with-container.ts";

interface PsFlags {
  readonly format?: string;
}

const SYNTAX: RuntimeSyntax<PsFlags> = {
  summary: "tell the processes of a container",
  usage: "[--format FORMAT] CONTAINER [PS OPTIONS...]",
  words: [1, Number.POSITIVE_INFINITY],
  flags: { format: { short: "-f", value: "format", choices: ["table", "json"], text: '"table" (default) or "json"' } },
};

export async function ps(runtime: Runtime, line: readonly string[]): Promise<number> {
  const { flags, words } = readCommand("ps", SYNTAX, line);
  const container = await openContainer(runtime, words[0]);
  const pids = container.pids();
  if (flags.format === "json") say(`${JSON.stringify(pids)}\n`);
  else say(select(processTable(words.slice(1)), new Set(pids.map(String))));
  return 0;
}

/** ps(1) knows the host's processes and every column that somebody may ask for. */
function processTable(options: readonly string[]): string {
  const { stdout, stderr, error, status } = spawnSync("ps", options.length > 0 ? options : ["-ef"], {
    encoding: "utf8",
  });
  if (status === 0) return stdout;
  throw new LibctError("ERR_CT_NOT_SUPPORTED", `ps: ${error?.message ?? stderr.trim()}`, {
    hint: "--format json needs no ps(1)",
  });
}

/** The heading, and the lines of these processes. */
function select(text: string, pids: ReadonlySet<string>): string {
  const [heading = "", ...lines] = text.split("\n");
  const column = heading.trim().split(/\s+/).indexOf("PID");
  if (column < 0) throw new LibctError("ERR_CT_USAGE", "couldn't find PID field in ps output");
  const chosen = lines.filter((one) => pids.has(one.trim().split(/\s+/)[column] ?? ""));
  return `${[heading, ...chosen].join("\n")}\n`;
}
