import { execFileSync, spawn } from "node:child_process";
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { copyBetween } from "../../../src/host/images/copy.ts";
import { fileOutput } from "../../../src/image/formats/outputs.ts";
import { MemoryImages } from "../../support/memory-image.ts";

let place = "";
beforeEach(() => {
  place = mkdtempSync("/tmp/ct-outputs-");
});
afterEach(() => rmSync(place, { recursive: true }));

async function write(path: string, content: string): Promise<void> {
  const output = await fileOutput(path);
  await output.write(Buffer.from(content));
  await output.finish();
}

describe("an output file", () => {
  it("is there when it is whole, and until then what was there stays", async () => {
    writeFileSync(`${place}/out`, "before");
    const output = await fileOutput(`${place}/out`);
    await output.write(Buffer.from("half"));
    expect(readFileSync(`${place}/out`, "utf8")).toBe("before");
    await output.discard();
    expect(readdirSync(place)).toEqual(["out"]);
    await write(`${place}/out`, "whole");
    expect(readFileSync(`${place}/out`, "utf8")).toBe("whole");
  });

  it("is written into when it is no plain file", async () => {
    execFileSync("mkfifo", [`${place}/fifo`]);
    const reader = spawn("cat", [`${place}/fifo`], { stdio: ["ignore", "pipe", "inherit"] });
    const [said] = await Promise.all([text(reader.stdout), write(`${place}/fifo`, "through")]);
    expect(said).toBe("through");
    expect(lstatSync(`${place}/fifo`).isFIFO()).toBe(true);
  });

  it("that is a link stays one", async () => {
    writeFileSync(`${place}/target`, "something longer");
    symlinkSync("target", `${place}/link`);
    await write(`${place}/link`, "new");
    expect(lstatSync(`${place}/link`).isSymbolicLink()).toBe(true);
    expect(readFileSync(`${place}/target`, "utf8")).toBe("new");
  });
});

describe("a copy that fails", () => {
  const context = { store: { directory: "/nowhere" } } as unknown as Parameters<typeof copyBetween>[0];

  it("leaves nothing where it was going to", async () => {
    const images = new MemoryImages();
    images.addImage(["abc"]);
    const { digest } = images.addBlob("abc", "x");
    images.blobs.set(digest, Buffer.from("abX"));
    const copy = copyBetween(context, images, `oci-archive:${place}/out.tar`, {}, () => undefined);
    await expect(copy).rejects.toMatchObject({ code: "ERR_CT_DIGEST" });
    expect(readdirSync(place)).toEqual([]);
  });

  it("closes what it was from, also when there is nowhere to go to", async () => {
    const images = new MemoryImages();
    let closed = 0;
    const source = Object.assign(images, { close: async () => void closed++ });
    const copy = copyBetween(context, source, `oci-archive:${place}/none/out.tar`, {}, () => undefined);
    await expect(copy).rejects.toMatchObject({ code: "ERR_CT_IMAGE" });
    expect(closed).toBe(1);
  });
});
