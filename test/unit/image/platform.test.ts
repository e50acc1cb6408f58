import { describe, expect, it } from "vitest";
import { choosePlatform, formatPlatform, parsePlatform, runsOn } from "../../../src/image/platform.ts";
import type { Descriptor } from "../../../src/image/types.ts";

const entry = (text: string, at: number): Descriptor => {
  const [os = "", architecture = "", variant] = text.split("/");
  const platform = { os, architecture, ...(variant !== undefined && { variant }) };
  return { mediaType: "x", size: at, digest: `sha256:${"0".repeat(64)}`, ...(text !== "" && { platform }) };
};

const choose = (wanted: string, ...entries: readonly string[]) =>
  entries[choosePlatform(entries.map(entry), parsePlatform(wanted), "r.io/app").size];

describe("a platform", () => {
  it.each([
    ["arm64", "linux/arm64/v8"],
    ["aarch64", "linux/arm64/v8"],
    ["linux/amd64", "linux/amd64"],
    ["linux/x86_64/v1", "linux/amd64"],
    ["linux/armhf", "linux/arm/v7"],
    ["arm/v6", "arm/v6"],
    ["linux/arm/v6", "linux/arm/v6"],
    ["Linux/ARM64", "linux/arm64/v8"],
  ])("%s is %s", (text, full) => {
    expect(formatPlatform(parsePlatform(text))).toBe(full);
  });

  it.each(["", "a/b/c/d", "linux//v8", "linux/arm 64", "linux/\u{1b}"])("%j is refused", (text) => {
    expect(() => parsePlatform(text)).toThrow("is no platform");
  });
});

describe("the image of an index", () => {
  it.each([
    ["amd64", ["linux/arm64", "linux/amd64"], "linux/amd64"],
    ["amd64", ["linux/amd64/v3", "linux/amd64"], "linux/amd64"],
    ["linux/amd64/v3", ["linux/amd64", "linux/amd64/v2"], "linux/amd64/v2"],
    ["arm64", ["linux/arm/v7", "linux/arm64"], "linux/arm64"],
    ["arm64", ["linux/arm64/v8", "linux/arm64"], "linux/arm64/v8"],
    ["linux/arm/v7", ["linux/arm/v5", "linux/arm/v6", "linux/arm/v8"], "linux/arm/v6"],
    ["amd64", ["unknown/unknown", "linux/amd64"], "linux/amd64"],
    ["amd64", ["windows/amd64", "linux/amd64"], "linux/amd64"],
    ["amd64", [""], ""],
  ])("for %s out of %j is %s", (wanted, entries, chosen) => {
    expect(choose(wanted, ...entries)).toBe(chosen);
  });

  it.each([
    ["amd64", ["linux/amd64/v2"], "there are images for linux/amd64/v2"],
    ["linux/arm/v6", ["linux/arm/v7"], "there are images for linux/arm/v7"],
    ["amd64", ["", ""], "there are images for unknown"],
    ["amd64", ["unknown/unknown"], "the index is empty"],
  ])("for %s is not in %j", (wanted, entries, hint) => {
    expect(() => choose(wanted, ...entries)).toThrow(hint);
  });
});

describe("an image without an index", () => {
  it("runs where its architecture is, if it tells no variant, and where older processors' code runs", () => {
    const on = (image: string, wanted: string) => {
      const [os = "", architecture = "", variant] = image.split("/");
      return runsOn({ os, architecture, ...(variant && { variant }) }, parsePlatform(wanted));
    };
    expect(on("linux/arm", "linux/arm/v6")).toBe(true);
    expect(on("linux/arm/v6", "linux/arm/v7")).toBe(true);
    expect(on("linux/arm/v7", "linux/arm/v6")).toBe(false);
    expect(on("linux/amd64", "arm64")).toBe(false);
    expect(on("linux/arm64", "arm64")).toBe(true);
  });
});
