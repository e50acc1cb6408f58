import { readFileSync } from "node:fs";
import { signalNumber } from "../linux/index.ts";

/**
 * Whether a signal would end a process if it were not the first of its pid namespace. The kernel keeps those from such a process that it has no handler for
 * (pid_namespaces(7)), and then a command that nobody wrote as an init could not be interrupted.
 */
export function endsBy(pid: number, signal: NodeJS.Signals | number): boolean {
  const number = typeof signal === "number" ? signal : (signalNumber(signal) ?? 0);
  try {
    return hasDefaultAction(readFileSync(`/proc/${pid}/status`, "utf8"), number);
  } catch {
    return false; // It has ended, or may not be looked at.
  }
}

/** Neither blocked, ignored nor caught, by the masks of /proc/PID/status. */
export function hasDefaultAction(status: string, signal: number): boolean {
  const bit = 1n << BigInt(signal - 1);
  return ["SigBlk", "SigIgn", "SigCgt"].every((mask) => {
    const digits = new RegExp(`^${mask}:\\s*([0-9a-f]+)`, "m").exec(status)?.[1];
    return digits !== undefined && (BigInt(`0x${digits}`) & bit) === 0n;
  });
}
