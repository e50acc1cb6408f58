import { setTimeout as pauseFor } from "node:timers/promises";
import { aborted } from "../abort.ts";

/** How often a request is made at most. */
export const TRIES = 5;
/** Milliseconds */
const FIRST_PAUSE = 200;
const LONGEST_PAUSE = 10_000;
/** A registry that wants one to wait longer than that is an error: whoever started the pull should know. */
export const LONGEST_WAIT = 60_000;

/** Waits, or throws when the signal fires first. */
export type Pause = (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>;

export const pause: Pause = async (milliseconds, signal) => {
  try {
    await pauseFor(milliseconds, undefined, signal ? { signal } : {});
  } catch (error) {
    throw signal?.aborted ? aborted(signal, "waiting for a registry") : error;
  }
};

/** How long to wait before try number `tries` + 1: twice as long each time, and not all at the same moment. */
export function backOff(tries: number, random: () => number = Math.random): number {
  const most = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** tries);
  return Math.round(most / 2 + (most / 2) * random());
}

/** Answers after which another try may go well: too slow, too much, or something behind the registry failed. */
export const isPassingStatus = (status: number): boolean => [408, 429, 500, 502, 503, 504].includes(status);

/** Retry-After as milliseconds: seconds or a date (RFC 9110, 10.2.3). */
export function retryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\s*\d{1,9}\s*$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
