import { mkdtempSync, rmSync } from "node:fs";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { loadImages } from "../../../src/host/images/archives.ts";
import type { ImagesContext } from "../../../src/host/images/context.ts";
import { copyImage } from "../../../src/image/copy.ts";
import { archiveWriter } from "../../../src/image/formats/archive-writer.ts";
import { fileOutput } from "../../../src/image/formats/outputs.ts";
import { type ImageReference, parseReference } from "../../../src/image/reference.ts";
import { findImage } from "../../../src/image/store/images.ts";
import { listNames, setName } from "../../../src/image/store/names.ts";
import { type BuiltImage, builtImage } from "../../support/built-image.ts";
import { runner, worker } from "../../support/unit-store.ts";

const base = mkdtempSync("/tmp/ct-load-");
afterAll(() => rmSync(base, { recursive: true }));

let number = 0;
let context: ImagesContext;
beforeEach(() => {
  const store = { directory: `${base}/${++number}`, runner };
  context = { store, worker: async () => worker } as unknown as ImagesContext;
});

async function archive(image: BuiltImage, name: string | ImageReference, path = `${base}/${number}.tar`) {
  const writer = archiveWriter(await fileOutput(path), path);
  await copyImage(image, writer.destination(name));
  await writer.finish();
  return path;
}
const load = (path: string) => loadImages(context, path, {}, () => undefined);
const image = (text: string) => builtImage([{ file: text }], { gzip: false });

describe("an archive that is loaded", () => {
  it("gives no image the digest of another one", async () => {
    const [trusted, evil] = [await image("trusted"), await image("evil")];
    for (const claim of [parseReference(`alpine@${trusted.digest}`), trusted.digest]) {
      await load(await archive(evil, claim));
      const asked = typeof claim === "string" ? claim : `alpine@${claim.digest}`;
      expect(findImage(context.store, asked)).toBeUndefined();
    }
    expect(listNames(context.store).map(({ name }) => name)).toEqual([evil.digest]);
  });

  it("gives the name without what it says of a digest", async () => {
    const one = await image("one");
    const [{ name } = { name: undefined }] = await load(await archive(one, parseReference(`app:v1@${one.digest}`)));
    expect(name).toBe("docker.io/library/app:v1");
  });

  it("may have a colon in its path", async () => {
    const path = await archive(await image("one"), parseReference("app:v1"), `${base}/a:b.tar`);
    expect(await load(path)).toMatchObject([{ name: "docker.io/library/app:v1" }]);
  });
});

describe("a name with a digest", () => {
  it("is for the image or the index of that digest alone", async () => {
    const { digest } = await image("one");
    const index = { mediaType: "x", digest: (await image("two")).digest, size: 1 };
    const other = (await image("three")).digest;
    const give = (name: string) => setName(context.store, name, { target: index, image: digest });
    for (const name of [digest, `app@${digest}`, `app:v1@${index.digest}`]) give(name);
    for (const name of [index.digest, other, `app@${other}`]) {
      expect(() => give(name), name).toThrow(expect.objectContaining({ code: "ERR_CT_DIGEST" }));
    }
  });
});
