import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeAttributes,
  decodeLimit,
  decodeMessages,
  limitRate,
  RTM,
  TCA,
  TCA_TBF,
  unlimitRate,
  viewOf,
} from "../../src/linux/index.ts";
import { decodeObjects } from "../../src/linux/nftables/index.ts";
import { bucketOf, limitBandwidth } from "../../src/net/bandwidth.ts";
import { parseRate } from "../../src/spec/index.ts";

describe("a rate", () => {
  it.each([
    ["10mbit", 10_000_000],
    ["1.5gbit", 1_500_000_000],
    ["800kbit", 800_000],
    [" 8 Mbit/s", 8_000_000],
    [64_000, 64_000],
    ["64000", 64_000],
  ])("is read as %j: %d bits per second", (text, bits) => expect(parseRate(text, "rate")).toBe(bits));

  it.each(["", "fast", "-1", "7", 0, "10MB", "1e9", Number.NaN])("is refused as %j", (text) => {
    expect(() => parseRate(text, "nics.eth0.bandwidth.egress")).toThrow("a rate in bits per second");
  });
});

describe("a token bucket", () => {
  const TCMSG = 20;
  it("is what tc(8) asks for", () => {
    fc.assert(
      fc.property(fc.integer({ min: 8, max: 400_000_000_000 }), fc.nat(0xffff), (bits, index) => {
        const bucket = bucketOf(bits);
        const [message] = decodeMessages(limitRate(index, bucket).message);
        if (!message) throw new Error("there is a message");
        expect(message.type).toBe(RTM.NEWQDISC);
        expect(viewOf(message.payload).getInt32(4, true)).toBe(index);
        expect(viewOf(message.payload).getUint32(12, true)).toBe(0xffff_ffff);
        const options = decodeAttributes(decodeAttributes(message.payload, TCMSG).get(TCA.OPTIONS) ?? new Uint8Array());
        const parameters = viewOf(options.get(TCA_TBF.PARMS) ?? new Uint8Array());
        const large = options.get(TCA_TBF.RATE64);
        const rate = large ? Number(viewOf(large).getBigUint64(0, true)) : parameters.getUint32(8, true);
        expect(rate).toBe(Math.floor(bits / 8));
        expect(viewOf(options.get(TCA_TBF.BURST) ?? new Uint8Array()).getUint32(0, true)).toBe(bucket.burst);
      }),
    );
  });

  it("holds the largest packet, and what waits is never less than it holds", () => {
    fc.assert(
      fc.property(fc.integer({ min: 8, max: 400_000_000_000 }), (bits) => {
        const { burst, limit } = bucketOf(bits);
        expect(burst).toBeGreaterThanOrEqual(65536);
        expect(limit).toBeGreaterThanOrEqual(burst);
      }),
    );
  });

  it("can be taken away", () => {
    expect(decodeMessages(unlimitRate(7).message)).toMatchObject([{ type: RTM.DELQDISC }]);
  });

  it("limits what comes in on the other side, which must be there", () => {
    const both = limitBandwidth("eth0", { ingress: "1mbit", egress: "1mbit" }, "ct0.0", "nics.eth0");
    expect(both).toMatchObject([
      { place: "host", fills: [{ value: { link: "ct0.0" } }] },
      { place: "container", fills: [{ value: { link: "eth0" } }] },
    ]);
  });

  it("throws away what is too much where there is no other side, or no token bucket", () => {
    const alone = limitBandwidth("eth0", { ingress: "8mbit", egress: "1mbit" }, undefined, "nics.eth0");
    expect(alone).toMatchObject([
      { do: "request", otherwise: { on: [2, 95], step: { do: "nftables", place: "container" } } },
      { do: "nftables", place: "container" },
    ]);
    const [, ingress] = alone;
    const told = decodeObjects(ingress?.do === "nftables" ? ingress.batch : new Uint8Array());
    expect(told).toMatchObject([
      { verb: "add", kind: "table", family: 5 },
      { verb: "add", kind: "chain", name: "ingress-eth0", hook: { hooknum: 0, dev: "eth0" } },
      { verb: "delete", kind: "rule", chain: "ingress-eth0" },
      { verb: "add", kind: "rule", expressions: [{ expr: "limit", rate: 1_000_000, type: 1, flags: 1 }, {}] },
    ]);
    expect(() => limitBandwidth("lo", { ingress: "1mbit" }, undefined, "nics.lo")).toThrow("egress");
  });

  it("is read as the kernel tells it, so that it can be put back", () => {
    const bucket = bucketOf(8_000_000);
    const [written] = decodeMessages(limitRate(7, bucket).message);
    if (!written) throw new Error("there is a message");
    expect(decodeLimit(written)).toMatchObject({ index: 7, bucket: { rate: bucket.rate, limit: bucket.limit } });
    expect(decodeLimit({ ...written, type: RTM.DELQDISC })).toBeUndefined();
  });
});
