import { LibctError } from "../../errors.ts";
import { signalNumber } from "../../linux/index.ts";
import type { Runtime } from "./runtime.ts";
import type { RuntimeSyntax } from "./syntax.ts";
import { open } from "./with-container.ts";

interface KillFlags {
  readonly all?: true;
}

const SYNTAX: RuntimeSyntax<KillFlags> = {
  summary: "send a signal to a container's first process",
  usage: "[--all] CONTAINER [SIGNAL]",
  words: [1, 2],
  flags: { all: { short: "-a", text: "send it to all processes of the container" } },
};

export async function kill(runtime: Runtime, line: readonly string[]): Promise<number> {
  const { container, flags, words } = await open(runtime, "kill", SYNTAX, line);
  const signal = readSignal(words[0] ?? "SIGTERM");
  if (flags.all) {
    await container.killAll(signal);
    return 0;
  }
  // Engines look for these words to tell that it has ended by itself.
  if (container.status().status === "stopped") throw new LibctError("ERR_CT_STATE", "container not running");
  await container.kill(signal);
  return 0;
}

/** "9", "KILL", "SIGKILL", "kill" */
function readSignal(word: string): number {
  const upper = word.toUpperCase();
  const number = /^\d+$/.test(word) ? Number(word) : signalNumber(upper.startsWith("SIG") ? upper : `SIG${upper}`);
  if (number !== undefined && number >= 0 && number <= 64) return number;
  throw new LibctError("ERR_CT_USAGE", `unknown signal ${JSON.stringify(word)}`);
}
