import { badLayer } from "./layer-error.ts";

/** What a layer may make of itself; beyond it, it is taken for a bomb. */
export interface LayerLimits {
  /** Bytes of the uncompressed archive. */
  readonly bytes: number;
  readonly entries: number;
  /** Uncompressed bytes for each compressed one; counted from a gigabyte on. */
  readonly ratio: number;
  /** Bytes of names and attributes of directories, which are kept in memory until all is in them. */
  readonly retained: number;
}

export const DEFAULT_LIMITS: LayerLimits = { bytes: 2 ** 38, entries: 5_000_000, ratio: 200, retained: 2 ** 26 };

/** Small layers of zeroes are no danger. */
const RATIO_COUNTS_FROM = 2 ** 30;

export function checkLimits(limits: LayerLimits, compressed: number, bytes: number, entries: number): void {
  const hint = "limits of unpacking can be raised by the option `limits`";
  if (bytes > limits.bytes) throw badLayer(`the layer is longer than ${limits.bytes} bytes`, { hint });
  if (entries > limits.entries) throw badLayer(`the layer has more than ${limits.entries} entries`, { hint });
  if (bytes > RATIO_COUNTS_FROM && bytes > compressed * limits.ratio) {
    throw badLayer(`the layer is more than ${limits.ratio} times as long as its compressed form`, { hint });
  }
}
