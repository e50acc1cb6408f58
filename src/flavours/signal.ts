import { invalid } from "../errors.ts";
import { signalNumber } from "../linux/index.ts";

/** glibc keeps the first two real-time signals for itself (signal(7)). */
const SIGRTMIN = 34;
const SIGRTMAX = 64;

/** A signal as kill(1) takes it: "SIGPWR", "PWR", "SIGRTMIN+3", or a number. */
export function signalOf(key: string, text: string): NodeJS.Signals | number {
  const [, base, sign, offset] = /^(?:SIG)?RT(MIN|MAX)(?:([+-])(\d+))?$/.exec(text) ?? [];
  if (base !== undefined) {
    const distance = Number(offset ?? 0) * (sign === "-" ? -1 : 1);
    return (base === "MIN" ? SIGRTMIN : SIGRTMAX) + distance;
  }
  if (/^\d+$/.test(text)) return Number(text);
  const name = text.startsWith("SIG") ? text : `SIG${text}`;
  if (signalNumber(name) !== undefined) return name as NodeJS.Signals;
  throw invalid(key, text, 'a signal such as "SIGPWR", "SIGRTMIN+3" or a number');
}
