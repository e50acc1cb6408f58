import { LibctError } from "../errors.ts";

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new LibctError("ERR_CT_ABORTED", "the start was aborted", { cause: signal.reason });
}

/** What can be killed, and waited for. */
interface Mortal {
  kill(signal: "SIGKILL"): Promise<void>;
  wait(): Promise<unknown>;
}

/** Kills the process when the signal fires before it has ended. */
export function killOnAbort(process: Mortal, signal: AbortSignal | undefined): void {
  if (!signal) return;
  const kill = () => void process.kill("SIGKILL").catch(() => undefined);
  signal.addEventListener("abort", kill, { once: true });
  const forget = () => signal.removeEventListener("abort", kill);
  process.wait().then(forget, forget);
}
