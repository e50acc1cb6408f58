import type { Descriptor, Digest, Platform } from "./types.ts";

/** What is told while an image is copied. */
export type CopyEvent =
  /** The manifest of an image that will be copied; of an index there may be several. */
  { readonly event: "manifest"; readonly digest: Digest; readonly platform?: Platform } | BlobEvent;

export interface BlobEvent {
  readonly event: "blob";
  readonly digest: Digest;
  readonly mediaType: string;
  /** "present": the destination has it already, or takes it from elsewhere itself. */
  readonly status: "waiting" | "copying" | "present" | "done";
  /** How many of them are there, and how many there will be. */
  readonly bytes: number;
  readonly size: number;
}

/** Times a second that one blob's progress is told. */
const RATE = 10;

/** Tells of one blob, not more often than people can see. */
export function blobReporter(
  { digest, mediaType, size }: Descriptor,
  tell: (event: CopyEvent) => void,
): (status: BlobEvent["status"], bytes: number) => void {
  let last = Number.NEGATIVE_INFINITY;
  let before: BlobEvent["status"] | undefined;
  return (status, bytes) => {
    const now = performance.now();
    if (status === before && now - last < 1000 / RATE) return;
    [last, before] = [now, status];
    tell({ event: "blob", digest, mediaType, status, bytes, size });
  };
}
