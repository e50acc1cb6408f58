import { createGunzip } from "node:zlib";
import { through } from "./through.ts";

/** Larger pieces mean fewer turns of the event loop; more than this gains nothing. */
const PIECE = 128 * 1024;

/** Uncompresses all members, one after the other (RFC 1952, 2.2), in a thread of its own. */
export const gunzip = (source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> =>
  through(source, createGunzip({ chunkSize: PIECE }), "gzip");
