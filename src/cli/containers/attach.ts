import type { Attachment, Container } from "../../host/index.ts";
import type { Globals } from "../command.ts";
import { write } from "../output.ts";
import { isTerminal, readTerminal, watchSize } from "../terminal.ts";
import { onlyName, withHost } from "./with-host.ts";

export interface AttachFlags {
  readonly noStdin?: true;
  readonly json?: true;
}

/** Ctrl-P, Ctrl-Q: as docker has it. */
const DETACH = Buffer.from([16, 17]);

/** `ct attach`: a container's streams, until it ends or the keys to detach are pressed. The exit status is the container's, or 0. */
export function attach(words: readonly string[], flags: AttachFlags, globals: Globals): Promise<number> {
  return withHost(globals, async (host) => attachTo(await host.open(onlyName(words)), flags));
}

async function attachTo(container: Container, flags: AttachFlags): Promise<number> {
  const detached = new AbortController();
  const attachment = container.attach(detached.signal);
  const raw = (container.info().process.terminal ?? false) && (await isTerminal(0));
  const release = raw ? await takeTerminal(attachment) : passSignals(container);
  try {
    if (!flags.noStdin) readInput(attachment, raw, () => detached.abort());
    for await (const { stream, data } of attachment.output) {
      await write(stream === "stderr" ? process.stderr : process.stdout, data);
    }
    return (await container.wait()).exitCode;
  } catch (error) {
    if (detached.signal.aborted) return 0;
    throw error;
  } finally {
    release();
    attachment.input?.destroy();
    process.stdin.pause().unref();
  }
}

async function takeTerminal(attachment: Attachment): Promise<() => void> {
  process.stdin.setRawMode(true);
  const size = await readTerminal();
  if (size) await attachment.resize(size.columns, size.rows);
  const unwatch = await watchSize(({ columns, rows }) => void attachment.resize(columns, rows).catch(() => undefined));
  return () => {
    unwatch();
    process.stdin.setRawMode(false);
  };
}

/** Without a terminal of its own the container gets our signals. */
function passSignals(container: Container): () => void {
  const pass = (signal: NodeJS.Signals) => void container.kill(signal).catch(() => undefined); // It has ended.
  const signals = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;
  for (const signal of signals) process.on(signal, pass);
  return () => {
    for (const signal of signals) process.off(signal, pass);
  };
}

function readInput({ input }: Attachment, raw: boolean, detach: () => void): void {
  if (!input) return;
  input.on("error", () => undefined); // The container has ended: that is told by its output's end.
  process.stdin.on("data", (chunk: Buffer) => {
    const at = raw ? chunk.indexOf(DETACH) : -1;
    if (at < 0) {
      input.write(chunk);
      return;
    }
    input.write(chunk.subarray(0, at));
    detach();
  });
}
