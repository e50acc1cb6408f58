import { LibctError } from "../errors.ts";
import { signalNumber } from "../linux/index.ts";

export function numberOf(signal: NodeJS.Signals | number): number {
  const number = typeof signal === "number" ? signal : signalNumber(signal);
  if (number === undefined) throw new LibctError("ERR_CT_USAGE", `unknown signal ${signal}`);
  return number;
}
