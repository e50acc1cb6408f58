import { LIMIT } from "../program/index.ts";

export interface Frame {
  readonly type: number;
  readonly code: number;
  readonly id: number;
  readonly seq: number;
  readonly payload: DataView;
}

/** Header and payload of a frame to the zygote (docs/executor.md, "Frames"). */
export function encodeFrame(type: number, id: number, payload: Uint8Array, seq = 0): Uint8Array {
  const bytes = new Uint8Array(LIMIT.FRAME_HEADER + payload.length);
  bytes.set(payload, LIMIT.FRAME_HEADER);
  return writeFrameHeader(bytes, type, id, seq);
}

/** Makes a frame of bytes of which the first are left free for its header. */
export function writeFrameHeader(bytes: Uint8Array, type: number, id: number, seq: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(0, bytes.length - LIMIT.FRAME_HEADER, true);
  view.setUint16(4, type, true);
  view.setUint16(6, 0, true);
  view.setUint32(8, id, true);
  view.setUint32(12, seq, true);
  return bytes;
}

/** Cuts a stream of bytes into frames; a frame may arrive in pieces, or several at once. */
export class FrameReader {
  #pending: Uint8Array = new Uint8Array(0);

  *push(chunk: Uint8Array): Generator<Frame> {
    let bytes = chunk;
    if (this.#pending.length > 0) {
      bytes = new Uint8Array(this.#pending.length + chunk.length);
      bytes.set(this.#pending);
      bytes.set(chunk, this.#pending.length);
    }
    let at = 0;
    while (bytes.length - at >= LIMIT.FRAME_HEADER) {
      const view = new DataView(bytes.buffer, bytes.byteOffset + at, bytes.length - at);
      const length = view.getUint32(0, true);
      if (view.byteLength < LIMIT.FRAME_HEADER + length) break;
      const payload = new DataView(bytes.buffer, bytes.byteOffset + at + LIMIT.FRAME_HEADER, length);
      at += LIMIT.FRAME_HEADER + length;
      this.#pending = bytes.subarray(at);
      yield {
        type: view.getUint16(4, true),
        code: view.getUint16(6, true),
        id: view.getUint32(8, true),
        seq: view.getUint32(12, true),
        payload,
      };
    }
    this.#pending = bytes.subarray(at);
  }
}
