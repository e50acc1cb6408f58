import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Change,
  datatypeLength,
  datatypeNumber,
  decodeObjects,
  type Expression,
  encodeBatch,
  NFPROTO,
} from "../../src/linux/nftables/index.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const u32 = fc.nat(0xffff_ffff);
const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,30}$/);
const bytes = fc.uint8Array({ minLength: 1, maxLength: 32 });
const data = fc.oneof(
  fc.record({ value: bytes }),
  fc.record({ verdict: fc.record({ code: fc.integer({ min: -5, max: 1 }), chain: name }, { requiredKeys: ["code"] }) }),
);

/** All members are optional on the wire. */
const some = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(model, { requiredKeys: [] });

const expression: fc.Arbitrary<Expression> = fc.oneof(
  some({ dreg: u32, key: u32, sreg: u32 }).map((one) => ({ expr: "meta" as const, ...one })),
  some({ sreg: u32, op: u32, data }).map((one) => ({ expr: "cmp" as const, ...one })),
  some({ dreg: u32, base: u32, offset: u32, len: u32 }).map((one) => ({ expr: "payload" as const, ...one })),
  some({ set: name, sreg: u32, dreg: u32, flags: u32 }).map((one) => ({ expr: "lookup" as const, ...one })),
  some({ type: u32, family: u32, addrMin: u32, protoMin: u32 }).map((one) => ({ expr: "nat" as const, ...one })),
  some({ flags: u32 }).map((one) => ({ expr: "masq" as const, ...one })),
  some({ dreg: u32, data }).map((one) => ({ expr: "immediate" as const, ...one })),
  some({ sreg: u32, dreg: u32, len: u32, mask: data, xor: data }).map((one) => ({ expr: "bitwise" as const, ...one })),
  some({ dreg: u32, key: u32 }).map((one) => ({ expr: "ct" as const, ...one })),
  some({ dreg: u32, result: u32, flags: u32 }).map((one) => ({ expr: "fib" as const, ...one })),
  some({ bytes: fc.maxSafeNat(), packets: fc.maxSafeNat() }).map((one) => ({ expr: "counter" as const, ...one })),
  some({ rate: fc.maxSafeNat(), unit: fc.maxSafeNat(), burst: u32, type: u32 }).map((one) => ({
    expr: "limit" as const,
    ...one,
  })),
  fc.record({ name: fc.constant("quota"), bytes }).map((one) => ({ expr: "other" as const, ...one })),
);

const head = { verb: fc.constantFrom("add", "delete"), family: fc.constantFrom(...Object.values(NFPROTO)) } as const;

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ ...head, kind: fc.constant("table" as const), name, flags: u32, userdata: bytes }),
  fc.record(
    {
      ...head,
      kind: fc.constant("chain" as const),
      table: name,
      name,
      type: name,
      hook: fc.record({ hooknum: u32, priority: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }) }),
      policy: u32,
    },
    { requiredKeys: ["verb", "family", "kind", "table", "name"] },
  ),
  fc.record({
    ...head,
    kind: fc.constant("rule" as const),
    table: name,
    chain: name,
    handle: fc.maxSafeNat(),
    expressions: fc.array(expression, { maxLength: 8 }),
  }),
  fc.record({
    ...head,
    kind: fc.constant("set" as const),
    table: name,
    name,
    flags: u32,
    keyType: u32,
    keyLength: u32,
    id: u32,
    userdata: bytes,
  }),
  fc.record({
    ...head,
    kind: fc.constant("elements" as const),
    table: name,
    set: name,
    elements: fc.array(fc.record({ key: data, data, flags: u32 }, { requiredKeys: ["key"] }), { maxLength: 20 }),
  }),
);

describe("the messages of nf_tables", () => {
  it("say after decoding what they said before", () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 6 }), (changes) => {
        expect(decodeObjects(encodeBatch(changes))).toEqual(changes);
      }),
    );
  });

  it("can be cut off anywhere, and what is whole is still told", () => {
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 1, maxLength: 3 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (all, part) => {
          const whole = encodeBatch(all);
          const told = decodeObjects(whole.subarray(0, Math.floor(whole.length * part)));
          expect(told).toEqual(all.slice(0, told.length));
        },
      ),
    );
  });

  it("survive any bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => void decodeObjects(noise)));
  });

  it("are as nft writes them: add table inet libct", () => {
    const expected = [
      "14000000" + "1000" + "0100" + "00000000" + "00000000" + "0000000a",
      "20000000" + "000a" + "0504" + "01000000" + "00000000" + "01000000" + "0a000100" + "6c69626374000000",
      "14000000" + "1100" + "0100" + "02000000" + "00000000" + "0000000a",
    ];
    expect(hex(encodeBatch([{ verb: "add", kind: "table", family: NFPROTO.INET, name: "libct" }]))).toBe(
      expected.join(""),
    );
  });

  it("ask for one answer, that of the whole", () => {
    const table: Change = { verb: "create", kind: "table", family: NFPROTO.INET, name: "a" };
    const batch = encodeBatch([table, table]);
    const flags = (at: number) => new DataView(batch.buffer).getUint16(at + 6, true);
    const length = new DataView(batch.buffer).getUint32(20, true);
    expect([flags(20) & 4, flags(20 + length) & 4]).toEqual([0, 4]);
  });

  it("refuse what does not fit into an attribute", () => {
    const elements = Array.from({ length: 5000 }, () => ({ key: { value: new Uint8Array(16) } }));
    const change: Change = { verb: "add", kind: "elements", family: 1, table: "t", set: "s", elements };
    expect(() => encodeBatch([change])).toThrow(RangeError);
  });
});

describe("the types of keys", () => {
  it("have the numbers that nft gives them, also in concatenations", () => {
    expect(datatypeNumber(["inet_proto", "inet_service"])).toBe(0x30d);
    expect(datatypeNumber(["ipv4_addr", "inet_service"])).toBe(0x1cd);
    expect(datatypeNumber(["ifname"])).toBe(0x29);
  });

  it("begin at multiples of four bytes in concatenations alone", () => {
    expect(datatypeLength(["inet_service"])).toBe(2);
    expect(datatypeLength(["ipv4_addr", "inet_proto", "inet_service"])).toBe(12);
  });
});
