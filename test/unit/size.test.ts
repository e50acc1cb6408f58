import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LibctError } from "../../src/errors.ts";
import { formatSize, parseDuration, parseSize } from "../../src/spec/index.ts";

const failure = (act: () => unknown): LibctError => {
  try {
    act();
  } catch (error) {
    if (error instanceof LibctError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
};

describe("parseSize", () => {
  it.each([
    [0, 0],
    [4096, 4096],
    ["0", 0],
    ["4096", 4096],
    ["64k", 65536],
    ["64K", 65536],
    ["256M", 268435456],
    ["1.5G", 1610612736],
    ["1GiB", 1073741824],
    ["1gb", 1073741824],
    ["2 MB", 2097152],
    [" 2m ", 2097152],
    ["100B", 100],
    ["7P", 7 * 1024 ** 5],
    ["0.1k", 102],
  ])("reads %j as %d bytes", (text, bytes) => {
    expect(parseSize(text, "size")).toBe(bytes);
  });

  it.each([
    ["", 'expected a size such as 4096, "64k", "256M" or "1.5G" (memory)'],
    ["big", 'invalid value "big": expected a size'],
    ["-1", "a size is not negative"],
    ["-5M", "a size is not negative"],
    ["1,5G", "the decimal sign is a point"],
    ["12X", "units are k, M, G, T and P"],
    ["1.G", "units are k, M, G, T and P"],
    ["0x10", "units are k, M, G, T and P"],
    ["8P", "at most 9007199254740991 bytes"],
    ["9".repeat(400), "at most 9007199254740991 bytes"],
    [-1, "a whole number of bytes, 0 or more"],
    [1.5, 'a text such as "1.5G" may have a fraction'],
    [Number.NaN, "a whole number of bytes"],
    [Number.POSITIVE_INFINITY, "a whole number of bytes"],
    [2 ** 53, "a whole number of bytes"],
  ])("refuses %j and says why", (value, message) => {
    const error = failure(() => parseSize(value, "memory"));
    expect(error.message).toContain(message);
    expect(error).toMatchObject({ code: "ERR_CT_INVALID_SPEC", member: "memory" });
  });

  it("refuses what is neither a number nor a text", () => {
    expect(failure(() => parseSize(null as unknown as string, "memory")).member).toBe("memory");
  });

  it("reads back every number that formatSize wrote", () => {
    const units = fc
      .tuple(fc.nat(4095), fc.integer({ min: 0, max: 4 }))
      .map(([n, power]) => (n * 1024 ** power) / (power ? 4 : 1));
    fc.assert(
      fc.property(fc.oneof(fc.nat(), fc.maxSafeNat(), units), (bytes) => {
        const text = formatSize(bytes);
        expect(parseSize(text, "size")).toBe(bytes);
        expect(text.length).toBeLessThanOrEqual(String(bytes).length + 1);
      }),
    );
  });

  it("gives a size or a LibctError for any text", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[-0-9.,kMGTPiB ]{0,8}$/)), (text) => {
        try {
          const size = parseSize(text, "size");
          expect(Number.isSafeInteger(size) && size >= 0).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(LibctError);
        }
      }),
    );
  });
});

describe("formatSize", () => {
  it.each([
    [0, "0"],
    [1000, "1000"],
    [1024, "1k"],
    [1280, "1.25k"],
    [268435456, "256M"],
    [1610612736, "1.5G"],
    [1073741825, "1073741825"],
  ])("writes %d as %j", (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });
});

describe("parseDuration", () => {
  it.each([
    [0, 0],
    [2.5, 2.5],
    ["10", 10],
    ["0.25", 0.25],
    ["10s", 10],
    ["500ms", 0.5],
    ["1m30s", 90],
    ["1m 30s", 90],
    ["1.5h", 5400],
    ["2d", 172800],
    ["1d2h3m4s5ms", 93784.005],
    ["1m500ms", 60.5],
    ["0.1s", 0.1],
  ])("reads %j as %d seconds", (text, seconds) => {
    expect(parseDuration(text, "timeout")).toBe(seconds);
  });

  it.each([
    ["", "expected a duration such as 10 (seconds)"],
    ["soon", "expected a duration such as 10 (seconds)"],
    ["30s1m", "units are d, h, m, s and ms, in this order"],
    ["1m1m", "units are d, h, m, s and ms, in this order"],
    ["10x", "units are d, h, m, s and ms, in this order"],
    ["-5s", "units are d, h, m, s and ms, in this order"],
    [-5, "a duration of 0 or more"],
    [Number.NaN, "expected a duration"],
    [Number.POSITIVE_INFINITY, "at most 104249d"],
    ["104250d", "at most 104249d"],
  ])("refuses %j and says why", (value, message) => {
    const error = failure(() => parseDuration(value, "timeout"));
    expect(error.message).toContain(message);
    expect(error).toMatchObject({ code: "ERR_CT_INVALID_SPEC", member: "timeout" });
  });

  it("accepts the longest duration that its message names", () => {
    expect(parseDuration("104249d", "timeout")).toBe(104249 * 86400);
  });

  it("adds up the parts", () => {
    const parts = fc.tuple(fc.nat(999), fc.nat(99), fc.nat(99), fc.nat(99), fc.nat(9999));
    fc.assert(
      fc.property(parts, ([d, h, m, s, ms]) => {
        const milliseconds = (((d * 24 + h) * 60 + m) * 60 + s) * 1000 + ms;
        expect(parseDuration(`${d}d${h}h${m}m${s}s${ms}ms`, "timeout")).toBe(milliseconds / 1000);
      }),
    );
  });
});
