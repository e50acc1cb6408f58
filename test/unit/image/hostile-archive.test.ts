import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { namesInArchive } from "../../../src/image/formats/open-archive.ts";
import type { TarContent } from "../../../src/image/layer/write-tar.ts";
import { tarHeader } from "../../../src/image/layer/write-tar.ts";
import { openSource } from "../../../src/image/open.ts";
import { collectBytes } from "../../../src/image/read-blob.ts";
import { archiveOf, file } from "../../support/layers.ts";

let place = "";
beforeEach(() => {
  place = mkdtempSync("/tmp/ct-hostile-");
});
afterEach(() => rmSync(place, { recursive: true }));

const names = (archive: Uint8Array) => {
  writeFileSync(`${place}/x.tar`, archive);
  return namesInArchive(`${place}/x.tar`);
};

/** A header of that letter, with so many bytes behind it. */
function preceding(letter: string, size: number): Buffer {
  const block = Buffer.from(tarHeader({ name: "x", type: "file", size }));
  const before = block[156] ?? 0;
  block.write(letter, 156, "latin1");
  const sum = Number.parseInt(block.toString("latin1", 148, 154), 8) - before + letter.charCodeAt(0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return Buffer.concat([block, Buffer.alloc(Math.ceil(size / 512) * 512, "a")]);
}

describe("a hostile archive of images", () => {
  it("cannot make the reader keep more than a little of its headers and names", async () => {
    const refused = (archive: Uint8Array, why: string) =>
      expect(names(archive)).rejects.toMatchObject({ code: "ERR_CT_IMAGE", message: expect.stringContaining(why) });
    const headers = Array.from({ length: 3 }, () => preceding("L", 500_000));
    await refused(Buffer.concat(headers), "a header has 500000 bytes");
    await refused(preceding("g", 5000), "a header has 5000 bytes");
    const long: TarContent = file("a".repeat(5000), "");
    await refused(await archiveOf(long), "a name in it is too long");
    const many = Array.from({ length: 4200 }, (_, index) => file(`${index}${"a".repeat(4000)}`, ""));
    await refused(await archiveOf(...many), "its names are longer");
  });

  it("has no more layers than an image can have, counted before they are looked at", async () => {
    const saved = [{ Config: "c.json", RepoTags: null, Layers: Array.from({ length: 1001 }, () => "l.tar") }];
    writeFileSync(`${place}/x.tar`, await archiveOf(file("manifest.json", JSON.stringify(saved))));
    const source = await openSource({ transport: "docker-archive", path: `${place}/x.tar` });
    await expect(source.manifest()).rejects.toThrow("it has 1001 layers");
    await source.close?.();
  });

  it("is no longer uncompressed when nobody waits for it", async () => {
    writeFileSync(`${place}/x.tar.gz`, gzipSync(await archiveOf(file("x", "content"))));
    const signal = AbortSignal.abort();
    for (const transport of ["archive", "tar"] as const) {
      const opened = openSource({ transport, path: `${place}/x.tar.gz` }, {}, signal);
      await expect(opened).rejects.toMatchObject({ code: "ERR_CT_ABORTED" });
    }
  });
});

describe("a hostile layout", () => {
  it("keeps nobody waiting with a FIFO in place of a file", async () => {
    mkdirSync(`${place}/blobs/sha256`, { recursive: true });
    const hex = "0".repeat(64);
    for (const path of ["index.json", `blobs/sha256/${hex}`]) execFileSync("mkfifo", [`${place}/${path}`]);
    const source = await openSource({ transport: "oci", path: place });
    const refusal = { code: "ERR_CT_IMAGE", message: expect.stringContaining("is no plain file") };
    await expect(source.manifest()).rejects.toMatchObject(refusal);
    await expect(source.manifest(`sha256:${hex}`)).rejects.toMatchObject(refusal);
    const { content } = await source.blob({ mediaType: "x", digest: `sha256:${hex}`, size: 1 });
    await expect(collectBytes(content, 1, "x")).rejects.toMatchObject(refusal);
    await expect(namesInArchive(`${place}/index.json`)).rejects.toMatchObject(refusal);
  });
});
