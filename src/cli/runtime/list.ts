import { table } from "../table.ts";
import { say } from "./output.ts";
import type { Runtime } from "./runtime.ts";
import { stateOf } from "./state.ts";
import { type RuntimeSyntax, readCommand } from "./syntax.ts";

interface ListFlags {
  readonly format?: string;
  readonly quiet?: true;
}

const SYNTAX: RuntimeSyntax<ListFlags> = {
  summary: "list the containers",
  usage: "[options]",
  words: [0, 0],
  flags: {
    format: { short: "-f", value: "format", choices: ["table", "json"], text: '"table" (default) or "json"' },
    quiet: { short: "-q", text: "only the IDs" },
  },
};

export async function list(runtime: Runtime, line: readonly string[]): Promise<number> {
  const { flags } = readCommand("list", SYNTAX, line);
  const host = await runtime.host();
  const found = await host.list();
  for (const one of found) if ("error" in one) runtime.log.warn(`${one.name}: ${one.error.message}`);
  const states = found.flatMap((one) => ("error" in one ? [] : [stateOf(one)]));
  if (flags.quiet) {
    say(states.map(({ id }) => `${id}\n`).join(""));
    return 0;
  }
  if (flags.format === "json") say(`${JSON.stringify(states)}\n`);
  else {
    const rows = states.map(({ id, pid, status, bundle, created, owner }) => [
      id,
      `${pid}`,
      status,
      bundle,
      created,
      owner,
    ]);
    say(`${table([["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"], ...rows])}\n`);
  }
  return 0;
}
