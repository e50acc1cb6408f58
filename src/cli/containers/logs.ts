import type { Container } from "../../host/index.ts";
import type { LogEntry } from "../../records/index.ts";
import { parseDuration } from "../../spec/index.ts";
import type { Globals } from "../command.ts";
import { print, write } from "../output.ts";
import { parseInteger, wrong } from "../parse.ts";
import { onlyName, withHost } from "./with-host.ts";

export interface LogsFlags {
  readonly follow?: true;
  readonly timestamps?: true;
  readonly tail?: string;
  readonly since?: string;
  readonly json?: true;
}

/** `ct logs`: what a container has written, each stream to the same stream of ours. */
export function logs(words: readonly string[], flags: LogsFlags, globals: Globals): Promise<number> {
  const since = flags.since === undefined ? {} : { since: parseSince(flags.since) };
  return withHost(globals, async (host) => {
    const container = await host.open(onlyName(words));
    const stop = new AbortController();
    process.once("SIGINT", () => stop.abort());
    const skip = flags.tail === undefined ? 0 : (await countLines(container, since)) - parseTail(flags.tail);
    const printer = new Printer(flags, Math.max(0, skip));
    try {
      const entries = container.logs({ follow: flags.follow ?? false, signal: stop.signal, ...since });
      for await (const entry of entries) await printer.print(entry);
      await printer.end();
    } catch (error) {
      if (isBrokenPipe(error) || stop.signal.aborted) return 0;
      throw error;
    }
    return 0;
  });
}

const isBrokenPipe = (error: unknown) => (error as NodeJS.ErrnoException).code === "EPIPE";

/** A time, or how long ago. */
function parseSince(word: string): Date {
  const time = Date.parse(word);
  if (!Number.isNaN(time) && /\d{4}-/.test(word)) return new Date(time);
  if (/^[\d.]+(ms|s|m|h|d)/.test(word)) return new Date(Date.now() - parseDuration(word, "--since") * 1000);
  throw wrong("--since", word, "a time such as 2026-01-31T12:00:00Z, or how long ago, such as 10m");
}

const parseTail = (word: string) => parseInteger("--tail", word, 0, Number.MAX_SAFE_INTEGER);

/** A last line without an end counts, too. */
async function countLines(container: Container, since: { readonly since?: Date }): Promise<number> {
  const counter = new LineSplitter();
  let lines = 0;
  for await (const entry of container.logs(since)) lines += counter.push(entry).length;
  return lines + counter.rest().length;
}

interface Line {
  readonly time: Date;
  readonly stream: LogEntry["stream"];
  /** With its line end, if it has one. */
  readonly text: Buffer;
}

/** The two streams are written in turns, and lines in pieces. */
class LineSplitter {
  readonly #open = new Map<LogEntry["stream"], Line>();

  push(entry: LogEntry): readonly Line[] {
    const { time, stream } = entry;
    if (stream === "lost")
      return [{ time, stream, text: Buffer.from(`${entry.lost} bytes were lost: the disk was full\n`) }];
    const before = this.#open.get(stream);
    this.#open.delete(stream);
    let rest = before ? Buffer.concat([before.text, entry.data]) : Buffer.from(entry.data);
    let begun = before?.time ?? time;
    const lines: Line[] = [];
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      lines.push({ time: begun, stream, text: rest.subarray(0, end + 1) });
      rest = rest.subarray(end + 1);
      begun = time;
    }
    if (rest.length > 0) this.#open.set(stream, { time: begun, stream, text: rest });
    return lines;
  }

  /** What has no line end. */
  rest(): readonly Line[] {
    return [...this.#open.values()];
  }
}

class Printer {
  readonly #flags: LogsFlags;
  readonly #lines = new LineSplitter();
  #skip: number;

  constructor(flags: LogsFlags, skip: number) {
    this.#flags = flags;
    this.#skip = skip;
  }

  async print(entry: LogEntry): Promise<void> {
    const { timestamps, json, tail } = this.#flags;
    // As it was written, a prompt without a line end as well.
    if (!timestamps && !json && tail === undefined && entry.stream !== "lost") {
      await write(entry.stream === "stderr" ? process.stderr : process.stdout, entry.data);
      return;
    }
    for (const line of this.#lines.push(entry)) await this.#line(line);
  }

  async end(): Promise<void> {
    for (const line of this.#lines.rest()) await this.#line(line);
  }

  async #line({ time, stream, text }: Line): Promise<void> {
    if (this.#skip > 0) {
      this.#skip -= 1;
      return;
    }
    if (this.#flags.json) {
      await print(process.stdout, `${JSON.stringify({ time, stream, text: text.toString("utf8") })}\n`);
      return;
    }
    const head = this.#flags.timestamps ? `${time.toISOString()} ` : "";
    await write(stream === "stdout" ? process.stdout : process.stderr, Buffer.concat([Buffer.from(head), text]));
  }
}
