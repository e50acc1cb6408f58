import type { ReceiveEvent } from "../../host/index.ts";
import { print } from "../output.ts";
import { bytes } from "../table.ts";
import { readTerminal } from "../terminal.ts";
import { Bars } from "./bars.ts";
import { shortId } from "./names.ts";

/** Tells how far a transfer is: bars on a terminal, a line for each step in a pipe, JSON objects for programs. On standard error, since the result is the output. */
export async function showProgress(
  events: AsyncIterable<ReceiveEvent>,
  how: { readonly json: boolean; readonly quiet: boolean },
): Promise<void> {
  if (how.quiet) {
    for await (const _ of events);
  } else if (how.json) {
    for await (const event of events) await print(process.stdout, `${JSON.stringify(event)}\n`);
  } else {
    const terminal = process.stderr.isTTY ? ((await readTerminal()) ?? { rows: 24, columns: 80 }) : undefined;
    await (terminal ? showBars(events, terminal) : showLines(events));
  }
}

async function showLines(events: AsyncIterable<ReceiveEvent>): Promise<void> {
  const told = new Set<string>();
  for await (const event of events) {
    const line = lineOf(event);
    if (line === undefined || told.has(line)) continue;
    told.add(line);
    await print(process.stderr, `${line}\n`);
  }
}

/** What happens many times a second is for bars. */
function lineOf(event: ReceiveEvent): string | undefined {
  const id = shortId(event.digest);
  if (event.event === "manifest") return `manifest ${id}`;
  if (event.event === "layer") return event.status === "present" ? undefined : `${id}: ${event.status}`;
  if (event.status === "present") return `${id}: already there`;
  return event.status === "done" ? `${id}: transferred (${bytes(event.size)})` : undefined;
}

async function showBars(
  events: AsyncIterable<ReceiveEvent>,
  terminal: { readonly rows: number; readonly columns: number },
): Promise<void> {
  const bars = new Bars(terminal);
  try {
    for await (const event of events) {
      bars.take(event, performance.now());
      await print(process.stderr, bars.draw(performance.now()));
    }
  } finally {
    await print(process.stderr, bars.finish(performance.now()));
  }
}
