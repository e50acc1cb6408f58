import { LibctError } from "../errors.ts";
import { pause } from "../linux/index.ts";
import type { HealthcheckResult } from "../records/index.ts";
import { type Healthcheck, withHealthDefaults } from "../spec/index.ts";
import type { EnterOptions } from "./enter.ts";
import type { Process } from "./process.ts";
import { limit } from "./run.ts";
import type { RunningContainer } from "./running-container.ts";
import type { Command } from "./start-options.ts";

export interface Entering {
  /** Executes a command in the container. Throws ERR_CT_STATE when it is paused or has ended. */
  enter(running: RunningContainer, command: Command, options: EnterOptions): Promise<Process>;
}

/** Executes the check once. Throws when that is not possible now, which says nothing about the container's health. */
export async function runCheck(
  { enter }: Entering,
  running: RunningContainer,
  healthcheck: Healthcheck,
  signal: AbortSignal,
): Promise<HealthcheckResult> {
  const { command, timeout } = withHealthDefaults(healthcheck);
  const started = new Date();
  const ended = (exitCode: number | undefined, output: string) => ({ started, ended: new Date(), exitCode, output });
  let process: Process;
  try {
    process = await enter(running, { args: command, terminal: false }, { signal });
  } catch (error) {
    if (!(error instanceof LibctError) || !FAILURES.has(error.code)) throw error;
    return ended(undefined, firstBytes([Buffer.from(error.message)]));
  }
  const output = new Output(process);
  const limits = limit(process, timeout, undefined);
  const { exitCode } = await process.wait().finally(limits.clear);
  const written = await output.end();
  if (limits.reason() === undefined) return ended(exitCode, firstBytes(written));
  const why = Buffer.from(`the check took longer than ${timeout} s and was killed\n`);
  return ended(undefined, firstBytes([why, ...written]));
}

/** The check itself is at fault: there is no such command, or the container's process may not execute it. */
const FAILURES: ReadonlySet<string> = new Set([
  "ERR_CT_COMMAND_NOT_FOUND",
  "ERR_CT_COMMAND_NOT_EXECUTABLE",
  "ERR_CT_NOT_PERMITTED",
  "ERR_CT_SYSCALL",
]);

const MOST_OUTPUT = 4096;

/** A character that is cut in two is left out. */
function firstBytes(chunks: readonly Uint8Array[]): string {
  const bytes = Buffer.concat(chunks).subarray(0, MOST_OUTPUT);
  return new TextDecoder().decode(bytes, { stream: true });
}

/** How long it is waited for the rest when the command has ended: who else has its streams, a child in the background, may keep them for ever. */
const REST_MS = 200;

/** What a check writes to both of its streams, in the order it comes. All of it is read, so that nobody waits for room in a pipe. */
class Output {
  readonly #streams: Process["stdout"][];
  readonly #chunks: Uint8Array[] = [];
  readonly #read: Promise<unknown>;
  #length = 0;

  constructor({ stdout, stderr }: Process) {
    this.#streams = [stdout, stderr];
    this.#read = Promise.allSettled(this.#streams.map((stream) => this.#take(stream)));
  }

  async end(): Promise<readonly Uint8Array[]> {
    await Promise.race([this.#read, pause(REST_MS)]);
    for (const stream of this.#streams) stream?.destroy();
    return this.#chunks;
  }

  async #take(stream: Process["stdout"]): Promise<void> {
    for await (const chunk of stream ?? []) {
      if (this.#length < MOST_OUTPUT) this.#chunks.push(chunk);
      this.#length += chunk.length;
    }
  }
}
