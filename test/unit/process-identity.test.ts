import { expect, it } from "vitest";
import { bootId, identify, isRunning, parseStat } from "../../src/records/process-identity.ts";

it("reads the start time behind a name with blanks and brackets", () => {
  const fields = ["S", "1", ...Array.from({ length: 17 }, () => "0"), "4242", "0"];
  expect(parseStat(`77 (a) b (c)) ${fields.join(" ")}\n`)).toEqual({ state: "S", startTime: 4242 });
});

it("knows this process again", () => {
  const own = identify(process.pid);
  expect(own && isRunning(own)).toBe(true);
});

it("does not take another process with the same pid, nor one of an earlier boot, for it", () => {
  const own = identify(process.pid);
  if (!own) throw new Error("no /proc");
  expect(isRunning({ ...own, startTime: own.startTime - 1 })).toBe(false);
  expect(isRunning({ ...own, bootId: `not-${bootId()}` })).toBe(false);
});
