import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LibctError } from "../../../src/errors.ts";
import { copyImage } from "../../../src/image/copy.ts";
import { digestOf } from "../../../src/image/digest.ts";
import { namesInArchive } from "../../../src/image/formats/open-archive.ts";
import { parseLocation } from "../../../src/image/location.ts";
import { openDestination, openSource } from "../../../src/image/open.ts";
import { MemoryImages } from "../../support/memory-image.ts";

let place = "";
beforeEach(() => {
  place = mkdtempSync(`${tmpdir()}/ct-formats-`);
});
afterEach(() => rmSync(place, { recursive: true }));

const AMD64 = { os: "linux", architecture: "amd64" } as const;
const ARM64 = { os: "linux", architecture: "arm64", variant: "v8" } as const;

function image(...layers: readonly string[]): MemoryImages {
  const images = new MemoryImages();
  images.addImage(layers.length > 0 ? layers : ["one", "two", "one", ""]);
  return images;
}

async function save(images: MemoryImages, location: string): Promise<void> {
  const destination = await openDestination(parseLocation(location));
  try {
    await copyImage(images, destination, { platform: "all" });
  } finally {
    await destination.close?.();
  }
}

async function load(location: string, platform?: typeof AMD64 | "all"): Promise<MemoryImages> {
  const [source, images] = [await openSource(parseLocation(location)), new MemoryImages()];
  try {
    await copyImage(source, images, { platform });
  } finally {
    await source.close?.();
  }
  return images;
}

const contents = ({ blobs }: MemoryImages) => new Map([...blobs].map(([digest, bytes]) => [digest, digestOf(bytes)]));
const tar = (directory: string, file: string, ...members: readonly string[]) =>
  execFileSync("tar", ["-C", directory, "-cf", file, ...(members.length > 0 ? members : ["."])]);

describe.each([
  "oci:DIR/layout",
  "oci:DIR/layout:v1",
  "oci-archive:DIR/x.tar:v1",
  "docker-archive:DIR/x.tar:app:v1",
  "archive:DIR/x.tar",
])("%s", (form) => {
  const location = () => form.replace("DIR", place);

  it("gives back what was copied to it", async () => {
    const images = image();
    await save(images, location());
    const loaded = await load(location());
    expect(contents(loaded)).toEqual(contents(images));
    if (!form.startsWith("docker")) expect(loaded.tagged).toBe(images.tagged);
    // Nothing half-made stays.
    expect(readdirSync(place)).toHaveLength(1);
  });

  it("has nothing when the source fails", async () => {
    const images = image("abc");
    const layer = images.addBlob("abc", "x");
    images.blobs.set(layer.digest, Buffer.from("abX"));
    await expect(save(images, location())).rejects.toMatchObject({ code: "ERR_CT_DIGEST" });
    await expect(load(location())).rejects.toMatchObject({ code: "ERR_CT_NO_SUCH_IMAGE" });
    expect(readdirSync(place, { recursive: true }).filter((name) => String(name).includes("~"))).toEqual([]);
  });
});

describe("an OCI layout", () => {
  it("has several images, of which a name chooses", async () => {
    const [one, two] = [image("one"), image("two")];
    await save(one, `oci:${place}/l:one`);
    await save(two, `oci:${place}/l:two`);
    await save(one, `oci:${place}/l:one`);
    expect((await load(`oci:${place}/l:two`)).tagged).toBe(two.tagged);
    await expect(load(`oci:${place}/l`)).rejects.toThrow(
      "there are 2 images, and none was chosen; hint: it has two, one",
    );
    await expect(load(`oci:${place}/l:three`)).rejects.toThrow('there is no image "three"');
    await expect(load(`oci:${place}/none`)).rejects.toMatchObject({ code: "ERR_CT_NO_SUCH_IMAGE", errno: "ENOENT" });
  });

  it("keeps an index with all its platforms", async () => {
    const images = new MemoryImages();
    images.addIndex([images.addImage(["a"], AMD64), images.addImage(["b"], ARM64)]);
    await save(images, `oci-archive:${place}/x.tar:v1`);
    expect((await load(`oci-archive:${place}/x.tar:v1`, "all")).tagged).toBe(images.tagged);
    expect((await load(`oci-archive:${place}/x.tar:v1`, AMD64)).blobs.size).toBe(2);
  });

  it("that lists a manifest for each platform is an index itself", async () => {
    const images = new MemoryImages();
    await save(image("a"), `oci:${place}/l`);
    const path = `${place}/l/index.json`;
    const index = JSON.parse(readFileSync(path, "utf8"));
    const [first] = index.manifests;
    writeFileSync(
      path,
      JSON.stringify({
        ...index,
        manifests: [
          { ...first, platform: ARM64 },
          { ...first, platform: AMD64 },
        ],
      }),
    );
    expect((await load(`oci:${place}/l`, AMD64)).tagged).toBe(first.digest);
    expect(images.blobs.size).toBe(0);
  });

  it("whose blob is a link to another file of the machine gives an error and not the file", async () => {
    await save(image("abc"), `oci:${place}/l`);
    const { digest } = new MemoryImages().addBlob("abc", "x");
    const path = `${place}/l/blobs/sha256/${digest.slice(7)}`;
    rmSync(path);
    symlinkSync("/etc/passwd", path);
    await expect(load(`oci:${place}/l`)).rejects.toMatchObject({ code: "ERR_CT_DIGEST" });
  });
});

describe("an archive", () => {
  it("of docker save, older than version 25, is read: layers that are links, no layout", async () => {
    const layers = ["layer one", "layer two"];
    const config = JSON.stringify({
      ...AMD64,
      rootfs: {
        type: "layers",
        diff_ids: ["layer one", "layer two", "layer one"].map((text) => digestOf(Buffer.from(text))),
      },
    });
    const id = digestOf(Buffer.from(config)).slice(7);
    for (const [at, text] of layers.entries()) {
      mkdirSync(`${place}/saved/${at}`, { recursive: true });
      writeFileSync(`${place}/saved/${at}/layer.tar`, text);
    }
    mkdirSync(`${place}/saved/2`);
    symlinkSync("../0/layer.tar", `${place}/saved/2/layer.tar`);
    writeFileSync(`${place}/saved/${id}.json`, config);
    const saved = [
      {
        Config: `${id}.json`,
        RepoTags: ["app:v1", "app:latest"],
        Layers: ["0/layer.tar", "1/layer.tar", "2/layer.tar"],
      },
    ];
    writeFileSync(`${place}/saved/manifest.json`, JSON.stringify(saved));
    tar(`${place}/saved`, `${place}/x.tar`);
    writeFileSync(`${place}/x.tar.gz`, gzipSync(readFileSync(`${place}/x.tar`)));
    for (const location of [
      "archive:PLACE/x.tar",
      "docker-archive:PLACE/x.tar:app",
      "docker-archive:PLACE/x.tar.gz:app:v1",
    ]) {
      const loaded = await load(location.replace("PLACE", place));
      expect([...loaded.blobs.keys()].sort(), location).toEqual(
        [...layers.map((text) => digestOf(Buffer.from(text))), `sha256:${id}`].sort(),
      );
    }
    await expect(load(`docker-archive:${place}/x.tar:other`)).rejects.toThrow(
      "there is no image docker.io/library/other:latest; hint: it has app:v1, app:latest",
    );
    expect(await namesInArchive(`${place}/x.tar`)).toEqual(["app:v1"]);
  });

  it("tells the names in it", async () => {
    await save(image(), `docker-archive:${place}/x.tar:r.io/app:v1`);
    expect(await namesInArchive(`${place}/x.tar`)).toEqual(["r.io/app:v1"]);
    await save(image(), `archive:${place}/y.tar`);
    expect(await namesInArchive(`${place}/y.tar`)).toEqual([undefined]);
  });

  it.each([
    ["that is empty", () => Buffer.alloc(0), "neither index.json nor manifest.json"],
    ["that is no tar", () => Buffer.from("x".repeat(2000)), "it is no tar archive, or a damaged one"],
    ["that is cut off", (whole: Buffer) => whole.subarray(0, 700), "it is cut off"],
    ["that is no gzip in truth", () => Buffer.from([0x1f, 0x8b, 1, 2, 3]), ""],
  ])("%s is refused", async (_, change, message) => {
    await save(image(), `archive:${place}/x.tar`);
    writeFileSync(`${place}/y.tar`, change(readFileSync(`${place}/x.tar`)));
    await expect(load(`archive:${place}/y.tar`)).rejects.toMatchObject({
      name: "LibctError",
      message: expect.stringContaining(message),
    });
  });

  it("with any bytes altered is read or refused with an error of libct's", async () => {
    await save(image("abc", "def"), `docker-archive:${place}/x.tar:app`);
    const whole = readFileSync(`${place}/x.tar`);
    const change = fc.tuple(fc.nat(whole.length - 1), fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(2));
    await fc.assert(
      fc.asyncProperty(change, async ([at, bytes, what]) => {
        const altered = Buffer.concat([
          whole.subarray(0, at),
          bytes,
          what === 0 ? Buffer.of() : whole.subarray(at + bytes.length * (what - 1)),
        ]);
        writeFileSync(`${place}/y.tar`, altered);
        for (const location of [`archive:${place}/y.tar`, `docker-archive:${place}/y.tar`]) {
          const failure = await load(location).then(
            () => undefined,
            (error: unknown) => error,
          );
          if (failure !== undefined) expect(failure).toBeInstanceOf(LibctError);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("whose manifest.json names files of the machine gives nothing of them", async () => {
    mkdirSync(`${place}/saved`);
    const saved = [{ Config: "../../../../etc/passwd", RepoTags: null, Layers: ["/etc/shadow"] }];
    writeFileSync(`${place}/saved/manifest.json`, JSON.stringify(saved));
    symlinkSync("/etc/passwd", `${place}/saved/etc`);
    tar(`${place}/saved`, `${place}/x.tar`);
    await expect(load(`archive:${place}/x.tar`)).rejects.toMatchObject({ code: "ERR_CT_NO_SUCH_IMAGE" });
  });
});

describe("a tar file of a root", () => {
  it.each([
    ["plain", (bytes: Buffer) => bytes],
    ["gzip", gzipSync],
  ] as const)("(%s) is an image of one layer, always the same", async (_, compress) => {
    mkdirSync(`${place}/root/etc`, { recursive: true });
    writeFileSync(`${place}/root/etc/hello`, "hello");
    tar(`${place}/root`, `${place}/plain.tar`);
    writeFileSync(`${place}/root.tar`, compress(readFileSync(`${place}/plain.tar`)));
    const [one, two] = [await load(`tar:${place}/root.tar`), await load(`tar:${place}/root.tar`)];
    expect(one.tagged).toBe(two.tagged);
    const [config] = [...one.blobs.values()].flatMap((bytes) =>
      bytes[0] === 0x7b ? [JSON.parse(Buffer.from(bytes).toString())] : [],
    );
    expect(config.rootfs.diff_ids).toEqual([digestOf(readFileSync(`${place}/plain.tar`))]);
    expect(one.blobs.has(digestOf(readFileSync(`${place}/root.tar`)))).toBe(true);
    expect(existsSync(`${place}/root.tar`)).toBe(true);
  });
});

describe("a directory with a root", () => {
  it("is an image of one layer, always the same, with what its files have", async () => {
    mkdirSync(`${place}/root/etc`, { recursive: true });
    writeFileSync(`${place}/root/etc/hello`, "hello");
    symlinkSync("hello", `${place}/root/etc/link`);
    const one = await load(`rootfs:${place}/root`);
    expect((await load(`rootfs:${place}/root`)).tagged).toBe(one.tagged);
    const [layer] = [...one.blobs.values()].filter((bytes) => bytes[0] !== 0x7b);
    writeFileSync(`${place}/layer.tar`, layer ?? "");
    const listing = execFileSync("tar", ["-tf", `${place}/layer.tar`], { encoding: "utf8" });
    expect(listing.trim().split("\n")).toEqual(["./", "./etc/", "./etc/hello", "./etc/link"]);
  });

  it.each([
    ["none", "ENOENT"],
    ["x", undefined],
  ])("that is none is refused", async (name, errno) => {
    writeFileSync(`${place}/x`, "");
    await expect(load(`rootfs:${place}/${name}`)).rejects.toMatchObject({ code: "ERR_CT_NO_SUCH_IMAGE", errno });
  });
});

describe("an engine's store", () => {
  it("gets no options instead of names", async () => {
    await expect(load("docker-daemon:--output=/etc/x")).rejects.toMatchObject({ code: "ERR_CT_USAGE" });
  });
});
