import { SIG } from "./constants.ts";

const NUMBERS: Readonly<Record<string, number>> = SIG;

/** The number of a signal such as "SIGTERM", the same on x86_64 and aarch64 (signal(7)). */
export const signalNumber = (name: string): number | undefined =>
  name.startsWith("SIG") ? NUMBERS[name.slice(3)] : undefined;

/** The name of a signal; undefined for real-time signals, which have none. */
export function signalName(number: number): NodeJS.Signals | undefined {
  const name = Object.keys(NUMBERS).find((one) => NUMBERS[one] === number);
  return name === undefined ? undefined : (`SIG${name}` as NodeJS.Signals);
}
