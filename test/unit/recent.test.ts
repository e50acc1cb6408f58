import { describe, expect, it } from "vitest";
import { isSame, Recent } from "../../src/host/recent.ts";
import { standard, validateSpec } from "../../src/spec/index.ts";

describe("what was made of the last few values", () => {
  it("is found for an equal value, and forgotten when newer ones have come", () => {
    const recent = new Recent<object, string>(2);
    recent.add({ a: [1] }, "one");
    recent.add({ a: [2] }, "two");
    expect(recent.find({ a: [1] })).toBe("one");
    recent.add({ a: [3] }, "three");
    expect(recent.find({ a: [1] })).toBeUndefined();
    expect(recent.find({ a: [2] })).toBe("two");
  });

  it("is found for a valid specification by what was given", () => {
    const spec = standard({ userNamespace: true });
    expect(isSame(validateSpec(spec), spec)).toBe(true);
    expect(isSame(validateSpec(spec), { ...spec, hostname: "other" })).toBe(false);
  });
});

describe("two values are the same", () => {
  const call = () => undefined;
  it.each<[a: unknown, b: unknown]>([
    [
      { a: 1, b: [2, { c: "d" }] },
      { b: [2, { c: "d" }], a: 1 },
    ],
    [new Set(["a", "b"]), new Set(["a", "b"])],
    [new Map([["a", { b: 1 }]]), new Map([["a", { b: 1 }]])],
    [new Uint8Array([1, 2]), new Uint8Array([1, 2])],
    [{ call }, { call }],
    [5n, 5n],
    [Number.NaN, Number.NaN],
  ])("%#", (a, b) => expect(isSame(a, b)).toBe(true));
});

describe("two values are not the same", () => {
  it.each<[a: unknown, b: unknown]>([
    [{ a: 1 }, { a: 2 }],
    [{ a: 1 }, { a: 1, b: 2 }],
    [{ a: undefined }, { b: undefined }],
    [[1, 2], [1]],
    [[], {}],
    [null, {}],
    [1, "1"],
    [new Set(["a"]), new Set(["b"])],
    [new Map([["a", 1]]), new Map([["a", 2]])],
    [{ call: () => 1 }, { call: () => 1 }],
    [new Uint8Array([1]), new Uint8Array([2])],
    [new Uint8Array([1]), [1]],
    [new Uint8Array([1]), new Uint16Array([1])],
    [new Date(0), new Date(0)],
  ])("%#", (a, b) => expect(isSame(a, b)).toBe(false));
});
