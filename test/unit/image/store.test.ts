import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import { LibctError } from "../../../src/errors.ts";
import { findAccount } from "../../../src/host/images/accounts.ts";
import { blobContent, digestOf } from "../../../src/image/index.ts";
import { OCI_INDEX, OCI_MANIFEST } from "../../../src/image/media-types.ts";
import { hostPlatform } from "../../../src/image/platform.ts";
import { blobPath, hasBlob, putBlob } from "../../../src/image/store/blobs.ts";
import { listPins, pinLayers } from "../../../src/image/store/containers.ts";
import { storeSource } from "../../../src/image/store/endpoints.ts";
import { collectGarbage } from "../../../src/image/store/garbage.ts";
import { findImage, listImages, requireImage } from "../../../src/image/store/images.ts";
import { hasLayer, layerTree } from "../../../src/image/store/layer-place.ts";
import type { LayerWorker } from "../../../src/image/store/layers.ts";
import { listNames, readName, removeName, setName } from "../../../src/image/store/names.ts";
import type { Store } from "../../../src/image/store/place.ts";
import { receiveImage } from "../../../src/image/store/receive.ts";
import { removeContainer } from "../../../src/image/store/remove-container.ts";
import type { Descriptor, Digest } from "../../../src/image/types.ts";
import { type BuiltImage, builtImage } from "../../support/built-image.ts";
import { runner, worker } from "../../support/unit-store.ts";

const base = mkdtempSync("/tmp/ct-store-");
afterAll(() => rmSync(base, { recursive: true }));

let store: Store;
let number = 0;
beforeEach(() => {
  store = { directory: `${base}/${++number}`, runner };
  mkdirSync(store.directory);
});

const pull = (image: BuiltImage, name?: string, more: { readonly signal?: AbortSignal } = {}) =>
  receiveImage(store, image, { name, worker, tell: () => undefined, ...more });
const collect = (isUsed = false, partial = true) =>
  collectGarbage(store, { worker, isUsed: () => isUsed, partial, wait: true });
const files = (): string[] =>
  readdirSync(store.directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(store.directory.length + 1))
    .sort();
const image = (text: string, name = "test") => builtImage([{ base: "same" }, { file: text }], { name, gzip: false });

describe("an image of the store", () => {
  it("tells repositories that have its layers: its own, and those of images on the same base", async () => {
    const { image: one } = await pull(await image("one"), "r.io/own:v1");
    await pull(await image("two"), "r.io/related");
    await pull(await builtImage([{ base: "other" }], { name: "other", gzip: false }), "r.io/unrelated");
    await pull(await image("three"));
    expect(storeSource(store, { image: one, named: undefined }).origins).toEqual([
      { domain: "r.io", repository: "own" },
      { domain: "r.io", repository: "related" },
    ]);
  });
});

describe("the store's directory", () => {
  const modeOf = (path: string) => statSync(path).mode & 0o777;

  it("is closed to others when an image comes, though a network has made it for all", async () => {
    mkdirSync(`${store.directory}/networks`);
    chmodSync(store.directory, 0o755);
    await pull(await image("one"), "app");
    expect(modeOf(store.directory)).toBe(0o700);
  });

  it("is closed when a container is made, too, and found through a link", () => {
    chmodSync(store.directory, 0o755);
    symlinkSync(store.directory, `${base}/link`);
    const user = { pid: 1, startTime: 1, bootId: "x" };
    pinLayers({ ...store, directory: `${base}/link` }, "c1", { image: "sha256:0", name: "x", layers: [], user });
    expect(modeOf(store.directory)).toBe(0o700);
  });

  it("is no directory that others need", async () => {
    mkdirSync(`${store.directory}/www`);
    chmodSync(store.directory, 0o755);
    await expect(pull(await image("one"), "app")).rejects.toMatchObject({
      code: "ERR_CT_NOT_PERMITTED",
      message: expect.stringContaining("www in it is none of libct's"),
    });
    expect(modeOf(store.directory)).toBe(0o755);
  });

  it("is refused when it belongs to somebody else", async () => {
    const uid = vi.spyOn(process as { geteuid: () => number }, "geteuid").mockReturnValue(4711);
    try {
      await expect(pull(await image("one"), "app")).rejects.toMatchObject({ code: "ERR_CT_NOT_PERMITTED" });
    } finally {
      uid.mockRestore();
    }
    expect(files()).toEqual([]);
  });
});

describe("an image that comes into the store", () => {
  it("is found by its name however it is written, and by the beginning of its id", async () => {
    const one = await image("one");
    const { image: stored } = await pull(one, "docker.io/library/app:v1");
    expect(stored).toMatchObject({ digest: one.digest, config: { digest: one.id } });
    for (const name of [
      "app:v1",
      "docker.io/app:v1",
      "docker.io/library/app:v1",
      one.id.slice(7, 19),
      one.id,
      one.digest,
    ]) {
      expect(findImage(store, name)?.image.digest, name).toBe(one.digest);
    }
    expect(findImage(store, "app")).toBeUndefined();
    expect(() => requireImage(store, "app")).toThrow(
      "there is no image docker.io/library/app:latest here; hint: `ct image ls` lists those that are",
    );
  });

  it("shares blobs and layers with those that were there before", async () => {
    const [one, two] = [await image("one"), await image("two")];
    await pull(one, "a");
    await pull(two, "b");
    const shared = listImages(store).map(({ layers }) => layers[0]?.blob.digest);
    expect(new Set(shared).size).toBe(1);
    expect(two.asked).not.toContain(shared[0]);
    expect(readdirSync(`${store.directory}/layers`)).toHaveLength(3);
  });

  it("is refused when a layer is not what its config says, and gets no name", async () => {
    const honest = await image("one");
    const { layers } = (await pull(honest, "honest")).image;
    removeName(store, "honest");
    const liar = await builtImage([{ base: "same" }, { file: "one" }], {
      gzip: false,
      config: { Cmd: ["x"] },
      diffIds: [layers[1]?.diffId as Digest, layers[0]?.diffId as Digest],
    });
    await expect(pull(liar, "liar")).rejects.toMatchObject({ code: "ERR_CT_DIGEST" });
    expect(listNames(store)).toEqual([]);
    await collect();
    expect(files()).toEqual([]);
  });

  it("leaves nothing that prune does not find when it breaks off at any point", async () => {
    const whole = await image("one");
    for (let step = 0; step <= 4; step++) {
      let left = step;
      const broken: BuiltImage = {
        ...whole,
        manifest: whole.manifest,
        async blob(descriptor, options) {
          if (left-- === 0) throw new LibctError("ERR_CT_REGISTRY", "the connection broke");
          return await whole.blob(descriptor, options);
        },
      };
      const done = pull(broken, "broken");
      if (step < 3) await expect(done).rejects.toThrow("the connection broke");
      else await done;
      removeName(store, "broken");
      await collect();
      expect(files(), `after step ${step}`).toEqual([]);
    }
  });
});

describe("a blob", () => {
  const bytes = Buffer.from("0123456789".repeat(1000));
  const descriptor = { mediaType: "x", digest: digestOf(bytes), size: bytes.length };
  const source = (from: number[], end = bytes.length, altered = false) => ({
    name: "test",
    manifest: () => Promise.reject(new Error("not asked for")),
    async blob(_: unknown, { from: at = 0 } = {}) {
      from.push(at);
      async function* content() {
        yield altered ? Buffer.alloc(end - at, "x") : bytes.subarray(at, end);
        if (end < bytes.length) throw new LibctError("ERR_CT_REGISTRY", "the connection broke");
      }
      return { from: at, content: content() };
    },
  });

  it("goes on where it was broken off", async () => {
    const from: number[] = [];
    await expect(putBlob(store, descriptor, blobContent(source(from, 4000), descriptor))).rejects.toThrow("broke");
    expect(hasBlob(store, descriptor)).toBe(false);
    await putBlob(store, descriptor, blobContent(source(from), descriptor));
    expect(from).toEqual([0, 4000]);
    expect(readFileSync(blobPath(store, descriptor.digest))).toEqual(bytes);
    expect(readdirSync(`${store.directory}/partial`)).toEqual([]);
  });

  it("is not kept when it is wrong", async () => {
    await expect(
      putBlob(store, descriptor, blobContent(source([], bytes.length, true), descriptor)),
    ).rejects.toMatchObject({ code: "ERR_CT_DIGEST" });
    expect(hasBlob(store, descriptor)).toBe(false);
    expect(files()).toEqual([]);
  });

  it("has no digest that leads elsewhere", () => {
    const digest = "sha256:../../../etc/passwd" as Digest;
    expect(() => hasBlob(store, { digest, size: 1 })).toThrow("is no digest");
  });
});

describe("a name", () => {
  const target = { mediaType: "x", digest: digestOf(Buffer.from("x")), size: 1 };
  const give = (name: string) => setName(store, name, { target, image: target.digest });

  it("is kept whatever its parts are, and goes with its directories", () => {
    const long = `registry.example:5000/${"a".repeat(120)}/${"b".repeat(120)}:${"t".repeat(128)}`;
    const names = [
      long,
      "docker.io/library/a:x",
      "docker.io/library/a/b:x",
      `localhost/a@${target.digest}`,
      target.digest,
    ];
    for (const name of names) give(name);
    expect(
      listNames(store)
        .map(({ name }) => name)
        .sort(),
    ).toEqual([...names].sort());
    for (const name of names) expect(removeName(store, name), name).toBe(true);
    expect(removeName(store, long)).toBe(false);
    expect(readdirSync(`${store.directory}/names`)).toEqual([]);
  });

  it("cannot lead out of its directory", () => {
    for (const name of ["../../x", "a/../../b", "/etc/passwd", "a:../x", ".", "sha256:../../x"]) {
      expect(() => give(name), name).toThrow(LibctError);
    }
    expect(files()).toEqual([]);
  });

  it("is taken over by the image that gets it last", async () => {
    const [one, two] = [await image("one"), await image("two")];
    await pull(one, "app");
    await pull(two, "app");
    expect(readName(store, "app")?.image).toBe(two.digest);
    await collect();
    expect(listImages(store).map(({ digest }) => digest)).toEqual([two.digest]);
  });
});

describe("what a loss of power has damaged", () => {
  const layerOf = (one: BuiltImage) => {
    const { layers } = JSON.parse(Buffer.from(one.blobs.get(one.digest) ?? "").toString()) as { layers: Descriptor[] };
    return layers[1] as Descriptor;
  };

  it("is fetched again when its length tells", async () => {
    const one = await image("one");
    await pull(one, "app");
    const blob = layerOf(one);
    truncateSync(blobPath(store, blob.digest), 0);
    truncateSync(blobPath(store, one.digest), 10);
    await pull(one, "app");
    expect(hasBlob(store, blob)).toBe(true);
    expect(readFileSync(blobPath(store, one.digest))).toEqual(one.blobs.get(one.digest));
  });

  it("is dropped when its content is wrong, so that another pull mends it", async () => {
    for (const failing of [false, true]) {
      const one = await image(`one ${failing}`);
      await pull(one, "app");
      for (const room of ["layers", "diffids"]) rmSync(`${store.directory}/${room}`, { recursive: true });
      const blob = layerOf(one);
      writeFileSync(blobPath(store, blob.digest), Buffer.alloc(blob.size));
      // One that is no archive any more, or one of other files.
      const unpack: LayerWorker["unpack"] = async (content, directory, options) => {
        const layer = await worker.unpack(content, directory, options);
        if (failing && layer.diffId === digestOf(Buffer.alloc(blob.size)))
          throw new LibctError("ERR_CT_LAYER", "cut off");
        return layer;
      };
      const again = () =>
        receiveImage(store, one, { name: "app", worker: { ...worker, unpack }, tell: () => undefined });
      await expect(again()).rejects.toMatchObject({
        code: "ERR_CT_DIGEST",
        message: expect.stringContaining("damaged"),
      });
      const { image: mended } = await again();
      expect(mended.layers.every(({ diffId }) => hasLayer(store, diffId))).toBe(true);
    }
  });
});

describe("garbage", () => {
  it("is found although an index lists what is no manifest", async () => {
    const [victim, one] = [await image("victim"), await image("one")];
    await pull(victim, "victim");
    const manifest = one.blobs.get(one.digest) ?? new Uint8Array();
    const { layers } = JSON.parse(Buffer.from(manifest).toString()) as { layers: Descriptor[] };
    const entry = { mediaType: OCI_MANIFEST, digest: one.digest, size: manifest.length, platform: hostPlatform() };
    const lie = { ...layers[0], mediaType: OCI_MANIFEST, platform: { os: "windows", architecture: "amd64" } };
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [lie, entry] }));
    const index = { mediaType: OCI_INDEX, digest: digestOf(bytes), size: bytes.length };
    const hostile: BuiltImage = {
      ...one,
      manifest: async (digest) => (digest ? { descriptor: entry, bytes: manifest } : { descriptor: index, bytes }),
    };
    const { image: stored, named } = await pull(hostile, "hostile");
    removeName(store, "victim");
    expect(await collect()).toMatchObject({ layers: 1 });
    expect(hasBlob(store, layers[0] as Descriptor)).toBe(true);
    // It is not whole, so that the image alone can be pushed.
    const raw = await storeSource(store, { image: stored, named }).manifest();
    expect(raw.descriptor.digest).toBe(one.digest);
  });

  it("that a container has left is removed by who sees nothing but it", async () => {
    const user = { pid: 1, startTime: 1, bootId: "x" };
    const directory = pinLayers(store, "c1", { image: "sha256:0", name: "x", layers: [], user });
    mkdirSync(`${directory}/upper/s`, { recursive: true });
    const removed: string[][] = [];
    const remove = async (path: string) => void removed.push(readdirSync(path, { recursive: true }).map(String).sort());
    await removeContainer(directory, { remove });
    expect(removed).toEqual([["container.json", "upper", "upper/s"]]);
  });

  it("is all that neither a name nor a container leads to", async () => {
    const one = await image("one");
    const { image: stored } = await pull(one, "app");
    const layers = stored.layers.map(({ diffId }) => diffId);
    pinLayers(store, "c1", { image: stored.digest, name: "app", layers, user: { pid: 1, startTime: 1, bootId: "" } });
    removeName(store, "app");
    await collect(true);
    expect(layers.map((diffId) => hasLayer(store, diffId))).toEqual([true, true]);
    expect(findImage(store, one.id)?.image.digest).toBe(one.digest);
    expect(await collect(false)).toMatchObject({ layers: 2, containers: 1 });
    expect(listPins(store)).toEqual([]);
    expect(files()).toEqual([]);
  });

  it("is what was half made, also by somebody who was killed", async () => {
    await pull(await image("one"), "app");
    const before = files();
    for (const path of ["layers/~new-1/diff", "containers/~x"]) {
      mkdirSync(`${store.directory}/${path}`, { recursive: true });
    }
    for (const path of ["blobs/sha256/~1", "images/~2", "names/docker.io/library/app/~3"]) {
      writeFileSync(`${store.directory}/${path}`, "half");
    }
    await collect();
    expect(files()).toEqual(before);
    expect(existsSync(`${store.directory}/layers/~new-1`)).toBe(false);
  });

  it("comes back when somebody begins to use it while it is being removed", async () => {
    const { image: stored } = await pull(await image("one"), "app");
    removeName(store, "app");
    const layers = stored.layers.map(({ diffId }) => diffId);
    const [first] = layers as [Digest];
    let taken = false;
    const late: LayerWorker = {
      ...worker,
      async remove(directory) {
        // The first one is gone; now a container says that it uses the other.
        if (!taken)
          pinLayers(store, "c2", {
            image: stored.digest,
            name: "app",
            layers,
            user: { pid: 1, startTime: 1, bootId: "" },
          });
        taken = true;
        await worker.remove(directory);
      },
    };
    await collectGarbage(store, { worker: late, isUsed: () => true, partial: false, wait: true });
    expect(layers.filter((diffId) => hasLayer(store, diffId))).toHaveLength(1);
    expect(existsSync(layerTree(store, first))).toBe(hasLayer(store, first));
  });
});

describe("digests of sha512", () => {
  const sha512 = (text: string) => digestOf(Buffer.from(text), "sha512");

  it("name blobs as those of sha256 do, and are checked", async () => {
    const bytes = Buffer.from("content");
    const descriptor = { mediaType: "text/plain", digest: sha512("content"), size: bytes.length };
    const source = (content: Uint8Array) => ({
      name: "test",
      manifest: () => Promise.reject(new Error("there is none")),
      blob: async () => ({
        from: 0,
        content: (async function* () {
          yield content;
        })(),
      }),
    });
    await putBlob(store, descriptor, blobContent(source(bytes), descriptor));
    expect(readFileSync(blobPath(store, descriptor.digest), "utf8")).toBe("content");
    const other = { ...descriptor, digest: sha512("other") };
    await expect(putBlob(store, other, blobContent(source(bytes), other))).rejects.toMatchObject({
      code: "ERR_CT_DIGEST",
    });
    expect(hasBlob(store, other)).toBe(false);
  });

  it("are refused as names of layers, and nothing gets the image's name", async () => {
    const image = await builtImage([{ a: "1" }], { diffIds: [sha512("1")] });
    await expect(pull(image, "strange")).rejects.toMatchObject({
      code: "ERR_CT_NOT_SUPPORTED",
      member: "rootfs.diff_ids",
    });
    expect(findImage(store, "strange")).toBeUndefined();
  });
});

describe("a user of an image", () => {
  it("is looked for in no layer that a higher one hides", () => {
    const digest = (digit: string): Digest => `sha256:${digit.repeat(64)}`;
    const layer = (digit: string, opaque: readonly string[], passwd?: string) => {
      mkdirSync(`${layerTree(store, digest(digit))}/etc`, { recursive: true });
      if (passwd) writeFileSync(`${layerTree(store, digest(digit))}/etc/passwd`, passwd);
      writeFileSync(`${layerTree(store, digest(digit))}/../layer.json`, JSON.stringify({ size: 0, opaque }));
      return { blob: { mediaType: "x", digest: digest(digit), size: 1 }, diffId: digest(digit) };
    };
    const lower = layer("1", [], "app:x:1000:1000::/home/app:/bin/sh\n");
    const account = (...layers: readonly unknown[]) =>
      findAccount(store, { layers } as unknown as Parameters<typeof findAccount>[1], "app");
    expect(account(lower, layer("2", ["etc/x"])).home).toBe("/home/app");
    expect(() => account(lower, layer("3", ["etc"]))).toThrow("app");
  });
});
