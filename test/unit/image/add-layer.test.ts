import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import * as promises from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { digestOf } from "../../../src/image/digest.ts";
import { addLayer } from "../../../src/image/store/add-blob.ts";
import { blobPath } from "../../../src/image/store/blobs.ts";
import type { Store } from "../../../src/image/store/place.ts";
import { runner } from "../../support/unit-store.ts";

vi.mock("node:fs/promises", { spy: true });

let store: Store;
beforeEach(() => {
  store = { directory: mkdtempSync("/tmp/ct-add-"), runner };
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(store.directory, { recursive: true });
});

describe("a layer that is added to the store", () => {
  it("is compressed, and kept under the digest of that", async () => {
    const bytes = randomBytes(1_000_000);
    const added = await addLayer(
      store,
      (async function* () {
        for (let at = 0; at < bytes.length; at += 50_000) yield bytes.subarray(at, at + 50_000);
      })(),
    );
    const blob = readFileSync(blobPath(store, added.digest));
    expect(added).toEqual({ digest: digestOf(blob), size: blob.length, diffId: digestOf(bytes) });
    expect(gunzipSync(blob)).toEqual(bytes);
  });

  it("fails when its source does", async () => {
    const tar = (async function* () {
      yield randomBytes(10);
      throw new Error("the tree cannot be read");
    })();
    await expect(addLayer(store, tar)).rejects.toThrow("the tree cannot be read");
  });

  it("ends its source when the disk is full", async () => {
    const full = Object.assign(new Error("full"), { code: "ENOSPC", syscall: "write" });
    vi.spyOn(promises, "open").mockResolvedValue({
      write: () => Promise.reject(full),
      close: async () => undefined,
    } as unknown as promises.FileHandle);
    let ended = false;
    const tar = (async function* () {
      try {
        for (;;) yield randomBytes(1 << 20);
      } finally {
        ended = true;
      }
    })();
    await expect(addLayer(store, tar)).rejects.toMatchObject({ code: "ERR_CT_STORE", errno: "ENOSPC" });
    expect(ended).toBe(true);
  });
});
