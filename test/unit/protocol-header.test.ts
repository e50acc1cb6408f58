import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { protocolHeader } from "../../scripts/protocol-header.ts";

const native = new URL("../../native/", import.meta.url);

it("both sides of the protocol have the same numbers (else: bun scripts/generate-protocol.ts)", () => {
  expect(readFileSync(new URL("protocol.h", native), "utf8")).toBe(protocolHeader());
});

it("the executor stays under a thousand lines of code", () => {
  const sources = readdirSync(native).filter((name) => /\.[ch]$/.test(name) && name !== "protocol.h");
  const code = sources.map((name) => readFileSync(new URL(name, native), "utf8").replace(/\/\*.*?\*\//gs, ""));
  const lines = code.flatMap((text) => text.split("\n").filter((line) => line.trim() !== ""));
  expect(lines.length).toBeLessThan(1000);
});
