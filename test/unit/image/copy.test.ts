import { describe, expect, it } from "vitest";
import { blobContent } from "../../../src/image/blob-content.ts";
import { type CopyEvent, copyImage } from "../../../src/image/index.ts";
import { collectBytes } from "../../../src/image/read-blob.ts";
import type { Descriptor, ImageDestination } from "../../../src/image/types.ts";
import { MemoryImages, pieces } from "../../support/memory-image.ts";

const AMD64 = { os: "linux", architecture: "amd64" } as const;
const ARM64 = { os: "linux", architecture: "arm64", variant: "v8" } as const;

async function all(content: AsyncIterable<Uint8Array>): Promise<string> {
  return Buffer.from(await collectBytes(content, 1000, "test")).toString();
}

describe("copyImage", () => {
  it("puts blobs before the manifest, each layer once, and tags the manifest", async () => {
    const [source, destination] = [new MemoryImages(), new MemoryImages()];
    const image = source.addImage(["one", "two", "one"]);
    const { manifest, config } = await copyImage(source, destination);
    expect(manifest.descriptor.digest).toBe(image.digest);
    expect(config?.architecture).toBe("amd64");
    expect(destination.blobs).toEqual(source.blobs);
    const kinds = destination.calls.map((call) => call.replace(/ [0-9a-f]{4}/, ""));
    expect(kinds).toEqual(["put", "put", "put", "manifest tagged"]);
    expect(destination.tagged).toBe(image.digest);
  });

  it("reads nothing that the destination has", async () => {
    const [source, destination] = [new MemoryImages(), new MemoryImages()];
    source.addImage(["one", "two"]);
    const one = destination.addBlob("one", "x");
    await copyImage(source, destination);
    expect(source.calls.filter((call) => call.includes(one.digest.slice(7, 11)))).toEqual([]);
    expect(source.calls).toHaveLength(2); // The config and the other layer.
  });

  it("takes the image for a platform out of an index, or the index with everything", async () => {
    const source = new MemoryImages();
    const [amd, arm] = [source.addImage(["a"], AMD64), source.addImage(["b"], ARM64)];
    const index = source.addIndex([amd, arm]);
    const [one, both] = [new MemoryImages(), new MemoryImages()];
    const result = await copyImage(source, one, { platform: ARM64 });
    expect(result.manifest.descriptor.digest).toBe(arm.digest);
    expect(result.source.descriptor.digest).toBe(index.digest);
    expect([...one.manifests.keys()]).toEqual([arm.digest]);
    await copyImage(source, both, { platform: "all" });
    expect([...both.manifests.keys()]).toEqual([amd.digest, arm.digest, index.digest]);
    expect(both.tagged).toBe(index.digest);
  });

  it("takes what an index lists many times once, and no more than fits into memory", async () => {
    const source = new MemoryImages();
    const image = source.addImage(["a"], AMD64);
    source.addIndex(Array.from({ length: 300 }, () => image));
    const destination = new MemoryImages();
    await copyImage(source, destination, { platform: "all" });
    expect(source.calls).toHaveLength(2);
    const many = Array.from({ length: 1001 }, (_, at) =>
      source.addManifest({ schemaVersion: 2, manifests: [], at }, "application/vnd.oci.image.index.v1+json"),
    );
    source.addIndex(many);
    await expect(copyImage(source, destination, { platform: "all" })).rejects.toMatchObject({
      code: "ERR_CT_IMAGE",
      message: expect.stringContaining("more than libct copies at a time"),
    });
  });

  it("copies what stands beside images in an index with them, and refuses it alone", async () => {
    const source = new MemoryImages();
    const image = source.addImage(["a"], AMD64);
    const statement = source.addManifest(
      { schemaVersion: 2, config: source.addBlob("{}", "application/vnd.oci.empty.v1+json"), layers: [] },
      "application/vnd.oci.image.manifest.v1+json",
    );
    const destination = new MemoryImages();
    await expect(copyImage(source, destination)).rejects.toMatchObject({
      code: "ERR_CT_IMAGE",
      message: expect.stringContaining('an artifact of type "application/vnd.oci.empty.v1+json"'),
    });
    expect(destination.calls).toEqual([]);
    source.addIndex([image, { ...statement, platform: { os: "unknown", architecture: "unknown" } }]);
    await copyImage(source, destination, { platform: "all" });
    expect(destination.manifests.has(statement.digest)).toBe(true);
  });

  it("refuses an image for another platform when one was asked for", async () => {
    const source = new MemoryImages();
    source.addImage(["a"], ARM64);
    await expect(copyImage(source, new MemoryImages(), { platform: AMD64 })).rejects.toThrow(
      "there is no image for linux/amd64; hint: there is one for linux/arm64/v8 only",
    );
    await copyImage(source, new MemoryImages());
  });

  it.each([
    ["altered", "onX", "the digest of what came is"],
    ["cut", "on", "it ended after 2 of 3 bytes"],
    ["longer", "one and more", "it is longer than the 3 bytes"],
  ])("refuses a layer that is %s, and tags nothing", async (_, content, message) => {
    const [source, destination] = [new MemoryImages(), new MemoryImages()];
    source.addImage(["one"]);
    const layer = source.addBlob("one", "x");
    source.blobs.set(layer.digest, Buffer.from(content));
    await expect(copyImage(source, destination)).rejects.toMatchObject({
      code: "ERR_CT_DIGEST",
      message: expect.stringContaining(message),
    });
    expect(destination.blobs.has(layer.digest)).toBe(false);
    expect(destination.manifests.size).toBe(0);
  });

  it("refuses a manifest that is not what the index says", async () => {
    const source = new MemoryImages();
    const image = source.addImage(["a"], AMD64);
    const other = source.addImage(["b"], AMD64);
    source.addIndex([image]);
    const raw = source.manifests.get(other.digest);
    if (raw) source.manifests.set(image.digest, raw);
    await expect(copyImage(source, new MemoryImages())).rejects.toMatchObject({ code: "ERR_CT_DIGEST" });
  });

  it("refuses what is a manifest and an index at once, schema 1, nonsense, and configs of other images", async () => {
    const source = new MemoryImages();
    const attempt = () => copyImage(source, new MemoryImages());
    source.addManifest({ schemaVersion: 2, manifests: [], layers: [] }, "application/vnd.oci.image.index.v1+json");
    await expect(attempt()).rejects.toThrow("CVE-2021-41190");
    source.addManifest({ schemaVersion: 1, fsLayers: [] }, "application/vnd.docker.distribution.manifest.v1+prettyjws");
    await expect(attempt()).rejects.toThrow("manifest schema 1");
    source.addManifest({ schemaVersion: 2, mediaType: "text/html" }, "text/html");
    await expect(attempt()).rejects.toThrow('its media type is "text/html"');
    source.addManifest({ schemaVersion: 2, layers: [{ digest: "sha256:../../x" }] }, "application/json");
    await expect(attempt()).rejects.toThrow("config is no descriptor");
    const config = source.addBlob(
      '{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":[]}}',
      "application/vnd.oci.image.config.v1+json",
    );
    source.addManifest({ schemaVersion: 2, config, layers: [source.addBlob("a", "l")] }, "application/json");
    await expect(attempt()).rejects.toThrow("it tells of 0 layers, the manifest of 1");
  });

  it("refuses indexes without an end", async () => {
    const source = new MemoryImages();
    let entry: Descriptor = source.addImage(["a"], AMD64);
    for (let depth = 0; depth < 10; depth++) entry = { ...source.addIndex([entry]), platform: AMD64 };
    await expect(copyImage(source, new MemoryImages())).rejects.toThrow("nested more than 4 deep");
  });

  it("tells of each blob until it is there", async () => {
    const [source, destination] = [new MemoryImages(), new MemoryImages()];
    const image = source.addImage(["one", "two"]);
    const one = destination.addBlob("one", "x");
    const events: CopyEvent[] = [];
    await copyImage(source, destination, { progress: (event) => events.push(event) });
    expect(events[0]).toEqual({ event: "manifest", digest: image.digest, platform: AMD64 });
    const of = (digest: string) =>
      events.flatMap((event) => (event.event === "blob" && event.digest === digest ? [event.status] : []));
    expect(of(one.digest)).toEqual(["waiting", "present"]);
    const [two] = [source.addBlob("two", "x")];
    expect(of(two.digest)).toEqual(["waiting", "copying", "done"]);
    expect(events.at(-1)).toMatchObject({ bytes: 3, size: 3 });
  });

  it("stops the other blobs when one fails, and when it is aborted", async () => {
    const source = new MemoryImages();
    source.addImage(["one", "three", "seven"]);
    const stopped: boolean[] = [];
    const destination: ImageDestination = {
      name: "failing",
      hasBlob: async () => false,
      putBlob: ({ size }, _, options) =>
        size === 3 && stopped.length === 0
          ? Promise.reject(new Error("disk full"))
          : new Promise((_, reject) => {
              options?.signal?.addEventListener("abort", () => {
                stopped.push(true);
                reject(new Error("stopped"));
              });
            }),
      putManifest: async () => undefined,
    };
    await expect(copyImage(source, destination, { parallel: 2 })).rejects.toThrow("disk full");
    expect(stopped).toEqual([true]);
    const aborter = new AbortController();
    const copying = copyImage(source, destination, { signal: aborter.signal });
    setImmediate(() => aborter.abort());
    await expect(copying).rejects.toMatchObject({ code: "ERR_CT_ABORTED" });
    expect(stopped.length).toBeGreaterThan(1);
    await expect(copyImage(source, destination, { signal: aborter.signal })).rejects.toMatchObject({
      code: "ERR_CT_ABORTED",
    });
  });
});

describe("the content of a blob", () => {
  const source = new MemoryImages();
  const blob = source.addBlob("abcdefghij", "x");
  const part = (text: string) => ({ size: text.length, content: pieces(Buffer.from(text)) });

  it("can be read again and again", async () => {
    const content = blobContent(source, blob);
    expect([await all(content), await all(content)]).toEqual(["abcdefghij", "abcdefghij"]);
  });

  it("goes on behind a part, and counts that too", async () => {
    source.calls.length = 0;
    const { from, content } = await blobContent(source, blob).resume(part("abcd"));
    expect([from, await all(content)]).toEqual([4, "efghij"]);
    expect(source.calls).toEqual([`blob ${blob.digest.slice(7, 11)} 4`]);
    const whole = await blobContent(source, blob).resume(part("abcdefghij"));
    expect([whole.from, await all(whole.content)]).toEqual([10, ""]);
  });

  it("is refused when the part was none of it", async () => {
    const { content } = await blobContent(source, blob).resume(part("abcX"));
    await expect(all(content)).rejects.toMatchObject({ code: "ERR_CT_DIGEST" });
    const { content: whole } = await blobContent(source, blob).resume(part("abcdefghiX"));
    await expect(all(whole)).rejects.toMatchObject({ code: "ERR_CT_DIGEST" });
  });

  it("begins anew when the source cannot go on, or the part is too long", async () => {
    const stubborn = { ...source, name: "stubborn", manifest: source.manifest, blob: () => source.blob(blob) };
    const { from, content } = await blobContent(stubborn, blob).resume(part("abcX"));
    expect([from, await all(content)]).toEqual([0, "abcdefghij"]);
    const long = await blobContent(source, blob).resume(part("abcdefghijk"));
    expect([long.from, await all(long.content)]).toEqual([0, "abcdefghij"]);
  });

  it("of a broken part is transferred again as a whole", async () => {
    const origin = new MemoryImages();
    origin.addImage(["abcdefghij"]);
    const destination = new MemoryImages();
    let tries = 0;
    const put = destination.putBlob.bind(destination);
    destination.putBlob = async (descriptor, content) => {
      if (descriptor.digest !== blob.digest || tries++ > 0) return put(descriptor, content);
      const { resume } = content as ReturnType<typeof blobContent>;
      return put(descriptor, (await resume(part("XXXX"))).content);
    };
    await copyImage(origin, destination);
    expect(tries).toBe(2);
    expect(destination.blobs.has(blob.digest)).toBe(true);
  });
});
