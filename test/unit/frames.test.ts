import fc from "fast-check";
import { expect, it } from "vitest";
import { encodeFrame, FrameReader } from "../../src/executor/frames.ts";

it("cuts a stream into the frames that were written, however it is chopped up", () => {
  const frames = fc.array(
    fc.record({
      type: fc.nat(0xffff),
      id: fc.nat(0xffffffff),
      seq: fc.nat(0xffffffff),
      payload: fc.uint8Array({ maxLength: 100 }),
    }),
  );
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (sent, sizes) => {
      const stream = Buffer.concat(sent.map(({ type, id, payload, seq }) => encodeFrame(type, id, payload, seq)));
      const reader = new FrameReader();
      const received: unknown[] = [];
      for (let at = 0, turn = 0; at < stream.length; turn++) {
        const size = sizes[turn % sizes.length] ?? 1;
        for (const frame of reader.push(stream.subarray(at, at + size))) {
          const { buffer, byteOffset, byteLength } = frame.payload;
          received.push({ ...frame, payload: [...new Uint8Array(buffer, byteOffset, byteLength)] });
        }
        at += size;
      }
      expect(received).toEqual(sent.map((frame) => ({ ...frame, code: 0, payload: [...frame.payload] })));
    }),
  );
});
