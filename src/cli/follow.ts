import type { Process } from "../host/index.ts";
import { type ForwardingOptions, SignalForwarder } from "./signals.ts";
import { watchSize } from "./terminal.ts";

/** Waits for a process and passes signals on to it meanwhile; gives its exit status. */
export async function follow(options: ForwardingOptions, start: () => Promise<Process>): Promise<number> {
  const signals = new SignalForwarder(options);
  const unwatch = options.terminal ? await watchSize((size) => signals.resize(size)) : () => undefined;
  try {
    const child = await start();
    signals.to(child);
    return signals.told(await child.wait()).exitCode;
  } finally {
    unwatch();
    signals.stop();
  }
}
