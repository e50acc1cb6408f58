import { afterEach, describe, expect, it } from "vitest";
import { copyImage, digestOf, parseReference } from "../../../src/image/index.ts";
import type { RegistryOptions } from "../../../src/image/registry/connect.ts";
import { registryDestination } from "../../../src/image/registry/destination.ts";
import { registrySource } from "../../../src/image/registry/source.ts";
import { type FakeOptions, FakeRegistry } from "../../support/fake-registry.ts";
import { MemoryImages } from "../../support/memory-image.ts";

const registries: FakeRegistry[] = [];
afterEach(async () => {
  for (const registry of registries.splice(0)) await registry.stop();
});

async function start(options: FakeOptions = {}): Promise<FakeRegistry> {
  const registry = await FakeRegistry.start(options);
  registries.push(registry);
  return registry;
}

/** How long was waited, in milliseconds; nobody waits in truth. */
const waits: number[] = [];
const quick: RegistryOptions = {
  env: {},
  credentials: async () => undefined,
  pause: async (milliseconds) => void waits.push(milliseconds),
};

const LAYER = "layer ".repeat(50_000);

/** Digests as they are, by those under which they are kept. */
const contents = ({ blobs }: MemoryImages) => new Map([...blobs].map(([digest, bytes]) => [digest, digestOf(bytes)]));

async function pull(registry: FakeRegistry, options: RegistryOptions = {}, name = "app") {
  const source = registrySource(parseReference(`${registry.host}/${name}`), { ...quick, ...options });
  const destination = new MemoryImages();
  waits.length = 0;
  try {
    const result = await copyImage(source, destination, { platform: { os: "linux", architecture: "amd64" } });
    return { destination, result };
  } finally {
    await source.close?.();
  }
}

async function push(registry: FakeRegistry, images: MemoryImages, options: RegistryOptions = {}, name = "app:v1") {
  const destination = registryDestination(parseReference(`${registry.host}/${name}`), { ...quick, ...options });
  waits.length = 0;
  try {
    await copyImage(images, destination, { platform: "all" });
  } finally {
    await destination.close?.();
  }
}

describe("a pull", () => {
  it("gets manifest, config and layers", async () => {
    const registry = await start();
    registry.images.addImage([LAYER, "two"]);
    const { destination } = await pull(registry);
    expect(contents(destination)).toEqual(contents(registry.images));
    expect(registry.seen.at(-1)?.headers.authorization).toBeUndefined();
    expect(registry.seen.find(({ path }) => path.includes("manifests"))?.headers.accept).toContain(
      "vnd.oci.image.index",
    );
  });

  it("of an image that is not there is an error that names it", async () => {
    const registry = await start();
    await expect(pull(registry)).rejects.toMatchObject({
      code: "ERR_CT_NO_SUCH_IMAGE",
      message: expect.stringMatching(
        /app:latest: the registry does not have it: MANIFEST_UNKNOWN: not known \(status 404\)/,
      ),
    });
  });

  it("goes on where a connection breaks", async () => {
    const registry = await start();
    registry.images.addImage([LAYER]);
    let breaks = 3;
    registry.behave = ({ path, headers }, response) => {
      if (!path.includes("/blobs/") || headers.range?.endsWith(`=${LAYER.length}-`)) return false;
      const bytes = [...registry.images.blobs.entries()].find(([digest]) => path.endsWith(digest))?.[1] ?? Buffer.of();
      if (bytes.length < 1000 || breaks-- <= 0) return false;
      const from = Number(/=(\d+)-/.exec(headers.range ?? "")?.[1] ?? 0);
      const range = { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
      response.writeHead(from > 0 ? 206 : 200, { "content-length": bytes.length - from, ...(from > 0 && range) });
      response.write(bytes.subarray(from, from + 70_000), () => setImmediate(() => response.destroy()));
      return true;
    };
    const { destination } = await pull(registry);
    expect(contents(destination)).toEqual(contents(registry.images));
    const ranges = registry.seen.flatMap(({ headers }) => headers.range ?? []);
    expect(ranges).toHaveLength(3);
    expect(new Set(ranges).size).toBe(3);
    expect(waits).toHaveLength(3);
  });

  it("skips what it has when a registry cannot go on in the middle", async () => {
    const registry = await start();
    registry.images.addImage([LAYER]);
    let first = true;
    registry.behave = ({ path }, response) => {
      const bytes = [...registry.images.blobs.entries()].find(([digest]) => path.endsWith(digest))?.[1];
      if (!bytes || bytes.length < 1000) return false;
      response.writeHead(200, { "content-length": bytes.length });
      if (!first) response.end(bytes);
      else response.write(bytes.subarray(0, 70_000), () => setImmediate(() => response.destroy()));
      first = false;
      return true;
    };
    const { destination } = await pull(registry);
    expect(contents(destination)).toEqual(contents(registry.images));
  });

  it("gives up when nothing comes any more, however often it is asked for", async () => {
    const registry = await start();
    registry.images.addImage([LAYER]);
    registry.behave = ({ path }, response) => {
      if (!path.includes("/blobs/")) return false;
      response.writeHead(200);
      response.write("x", () => setImmediate(() => response.destroy()));
      return true;
    };
    await expect(pull(registry)).rejects.toMatchObject({ code: "ERR_CT_REGISTRY" });
    expect(waits.length).toBeGreaterThan(2);
    expect(waits.length).toBeLessThan(20);
  });

  it("gives up when a registry says nothing for too long", async () => {
    const registry = await start();
    registry.images.addImage([LAYER]);
    registry.behave = ({ path }) => path.includes("manifests");
    await expect(pull(registry, { patience: 50 })).rejects.toThrow(/nothing came from 127.0.0.1:\d+ for 0 seconds/);
    registry.behave = ({ path }, response) => {
      if (!path.includes("/blobs/")) return false;
      response.writeHead(200);
      return response.write("x");
    };
    await expect(pull(registry, { patience: 50 })).rejects.toThrow(/nothing came from/);
  });

  it.each([
    ["another content", "layEr ".repeat(50_000), "the digest of what came is"],
    ["more", `${LAYER}more`, "the registry has 300004 bytes of it, the manifest tells of 300000"],
    ["less", LAYER.slice(6), "the registry has 299994 bytes of it, the manifest tells of 300000"],
  ])("of %s than the digest says is refused", async (_, content, message) => {
    const registry = await start();
    registry.images.addImage([LAYER]);
    const layer = registry.images.addBlob(LAYER, "x");
    registry.images.blobs.set(layer.digest, Buffer.from(content));
    await expect(pull(registry)).rejects.toMatchObject({
      code: "ERR_CT_DIGEST",
      message: expect.stringContaining(message),
    });
  });

  it("of an endless blob ends", async () => {
    const registry = await start();
    registry.images.addImage(["abc"]);
    const layer = registry.images.addBlob("abc", "x");
    registry.behave = ({ path }, response) => {
      if (!path.endsWith(layer.digest)) return false;
      response.writeHead(200);
      const pour = () => {
        while (!response.destroyed && response.write("abc".repeat(10_000)));
        if (!response.destroyed) response.once("drain", pour);
      };
      pour();
      return true;
    };
    await expect(pull(registry)).rejects.toThrow("it is longer than the 3 bytes");
  });

  it("refuses manifests without an end, and such that are not what their digest says", async () => {
    const registry = await start();
    registry.behave = ({ path }, response) => {
      if (path.includes("manifests")) response.end("x".repeat(5 * 1024 * 1024));
      return path.includes("manifests");
    };
    await expect(pull(registry)).rejects.toThrow("its manifest is longer than 4194304 bytes");
    registry.behave = ({ path }, response) => {
      if (path.includes("manifests")) response.end("{}");
      return path.includes("manifests");
    };
    const digest = `sha256:${"0".repeat(64)}`;
    await expect(pull(registry, {}, `app@${digest}`)).rejects.toMatchObject({ code: "ERR_CT_DIGEST" });
    registry.behave = ({ path }, response) => {
      if (path.includes("manifests")) response.writeHead(200, { "docker-content-digest": digest }).end("{}");
      return path.includes("manifests");
    };
    await expect(pull(registry)).rejects.toMatchObject({ code: "ERR_CT_DIGEST" });
  });

  it("tries again after 5xx and 429, as long as the registry says", async () => {
    const registry = await start();
    registry.images.addImage(["abc"]);
    const answers: (readonly [number, Readonly<Record<string, string>>])[] = [
      [503, {}],
      [429, { "retry-after": "7" }],
      [500, {}],
      [504, { "retry-after": new Date(Date.now() + 30_000).toUTCString() }],
    ];
    registry.behave = (_, response) => {
      const next = answers.shift();
      if (next) response.writeHead(...next).end("<html>");
      return next !== undefined;
    };
    // The first question is whether it speaks TLS: any answer but 400 will do.
    answers.unshift([200, {}]);
    await pull(registry);
    expect(waits[1]).toBe(7000);
    expect(waits[3]).toBeGreaterThan(25_000);
    expect(waits).toHaveLength(4);
  });

  it("explains a limit, and does not wait for hours", async () => {
    const registry = await start();
    registry.behave = (_, response) => {
      const headers = { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": "0;w=21600", "retry-after": "20000" };
      response
        .writeHead(429, headers)
        .end('{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your limit"}]}');
      return true;
    };
    await expect(pull(registry)).rejects.toThrow(
      /the limit of 100 pulls in 6 hours is reached, 0 are left: TOOMANYREQUESTS: You have reached your limit \(status 429\); hint: the registry says to wait: Retry-After: 20000; a login/,
    );
    expect(waits).toEqual([]);
  });

  it("does not retry what will not change", async () => {
    const registry = await start();
    registry.behave = ({ path }, response) => {
      if (path !== "/v2/") response.writeHead(403).end('{"errors":[{"code":"DENIED","message":"no\\u001b[31m"}]}');
      return path !== "/v2/";
    };
    await expect(pull(registry)).rejects.toMatchObject({ code: "ERR_CT_UNAUTHORIZED" });
    expect(registry.seen).toHaveLength(2);
  });

  it("stops when its signal fires, and leaves no connection", async () => {
    const registry = await start();
    registry.images.addImage([LAYER]);
    const stop = new AbortController();
    let closed: (() => void) | undefined;
    const ended = new Promise<void>((resolve) => {
      closed = resolve;
    });
    registry.behave = ({ path }, response) => {
      if (!path.includes("/blobs/")) return false;
      response.writeHead(200);
      response.write("x", () => stop.abort());
      response.once("close", () => closed?.());
      return true;
    };
    const source = registrySource(parseReference(`${registry.host}/app`), quick);
    const copying = copyImage(source, new MemoryImages(), { signal: stop.signal });
    await expect(copying).rejects.toMatchObject({ code: "ERR_CT_ABORTED" });
    await ended;
    await source.close?.();
  });

  it("falls back from a mirror to the registry, and stays with who has the manifest", async () => {
    const [mirror, registry] = [await start(), await start()];
    registry.images.addImage([LAYER]);
    const reference = parseReference(`${registry.host}/app`);
    const at = (domain: string, repository: string) => ({ domain, host: domain, repository, insecure: false });
    const source = registrySource(reference, quick, [at(mirror.host, "copies/app"), at(registry.host, "app")]);
    await copyImage(source, new MemoryImages());
    await source.close?.();
    expect(mirror.requests).toEqual(["GET /v2/", "GET /v2/copies/app/manifests/latest"]);
    expect(registry.requests.filter((one) => one === "GET /v2/app/blobs")).toHaveLength(2);
  });

  it("gets foreign layers where their urls say", async () => {
    const [registry, elsewhere] = [await start(), await start()];
    const layer = {
      ...elsewhere.images.addBlob("foreign", "application/vnd.oci.image.layer.nondistributable.v1.tar"),
    };
    const config = { os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: [layer.digest] } };
    registry.images.addManifest(
      {
        schemaVersion: 2,
        config: registry.images.addBlob(JSON.stringify(config), "application/vnd.oci.image.config.v1+json"),
        layers: [{ ...layer, urls: [`${elsewhere.url}/v2/x/blobs/${layer.digest}`] }],
      },
      "application/vnd.oci.image.manifest.v1+json",
    );
    const { destination } = await pull(registry);
    expect(Buffer.from(destination.blobs.get(layer.digest) ?? []).toString()).toBe("foreign");
    await push(registry, destination);
    expect(registry.images.blobs.has(layer.digest)).toBe(false);
  });
});

describe("credentials", () => {
  const auth = { user: "me", password: "secret:with:colons" };
  const own = { credentials: { username: "me", password: "secret:with:colons" } };

  it.each(["basic", "token"] as const)("go by %s to who asks for them", async (kind) => {
    const registry = await start({ auth: { kind, ...auth } });
    registry.images.addImage([LAYER]);
    await pull(registry, own);
    await push(registry, registry.images, own);
    await expect(pull(registry)).rejects.toMatchObject({ code: "ERR_CT_UNAUTHORIZED" });
    const wrong = pull(registry, { credentials: { username: "me", password: "wrong" } });
    await expect(wrong).rejects.toMatchObject({ code: "ERR_CT_UNAUTHORIZED" });
  });

  it("are not needed for tokens that everybody gets; one token does for all of a pull", async () => {
    const registry = await start({ auth: { kind: "token" } });
    registry.images.addImage([LAYER, "b", "c", "d"]);
    await pull(registry);
    const asked = registry.seen.filter(({ path }) => path === "/token");
    expect(asked).toHaveLength(1);
    expect(asked[0]?.query.getAll("scope")).toEqual(["repository:app:pull"]);
    expect(asked[0]?.query.get("service")).toBe("fake");
    expect(asked[0]?.headers.authorization).toBeUndefined();
  });

  it("are asked for once when several requests begin together", async () => {
    const registry = await start({ auth: { kind: "token" } });
    const images = new MemoryImages();
    images.addImage(["a", "b", "c", "d", "e", "f"]);
    await push(registry, images);
    const asked = registry.seen.filter(({ path }) => path === "/token");
    expect(asked.map(({ query }) => query.getAll("scope"))).toEqual([["repository:app:pull,push"]]);
  });

  it("are asked for again when a token is not good any more", async () => {
    const registry = await start({ auth: { kind: "token" } });
    registry.images.addImage([LAYER]);
    registry.behave = ({ path }) => {
      if (path.includes("/blobs/") && registry.seen.filter((one) => one.path === "/token").length === 1)
        registry.tokens.clear();
      return false;
    };
    await pull(registry);
    expect(registry.seen.filter(({ path }) => path === "/token")).toHaveLength(2);
  });

  it("as an identity token are exchanged", async () => {
    const registry = await start({ auth: { kind: "token", ...auth } });
    registry.images.addImage(["abc"]);
    registry.behave = ({ method, path }, response) => {
      if (path !== "/token") return false;
      registry.tokens.add("exchanged");
      response.writeHead(method === "POST" ? 200 : 405).end('{"access_token":"exchanged"}');
      return true;
    };
    await pull(registry, { credentials: { identityToken: "identity" } });
    await pull(registry, { credentials: { registryToken: "exchanged" } });
  });

  it("do not go to another host with a redirect, and a token neither", async () => {
    const [registry, storage] = [await start({ auth: { kind: "token", ...auth } }), await start()];
    registry.images.addImage([LAYER]);
    for (const [digest, bytes] of registry.images.blobs) storage.images.blobs.set(digest, bytes);
    registry.behave = ({ path, headers }, response) => {
      if (!path.includes("/blobs/") || headers.authorization === undefined) return false;
      response.writeHead(307, { location: `${storage.url}${path}?signature=1` }).end();
      return true;
    };
    await pull(registry, own);
    expect(storage.seen).toHaveLength(2);
    expect(storage.seen.every(({ headers }) => headers.authorization === undefined)).toBe(true);
    expect(storage.seen[0]?.query.get("signature")).toBe("1");
  });

  it("do not go to where a foreign layer is, whatever is asked for there (CVE-2020-15157)", async () => {
    const [registry, elsewhere] = [await start({ auth: { kind: "basic", ...auth } }), await start()];
    const { digest } = registry.images.addBlob("foreign", "x");
    const mediaType = "application/vnd.oci.image.layer.nondistributable.v1.tar";
    const config = { os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: [digest] } };
    registry.images.addManifest(
      {
        schemaVersion: 2,
        config: registry.images.addBlob(JSON.stringify(config), "application/vnd.oci.image.config.v1+json"),
        layers: [{ mediaType, digest, size: 7, urls: [`${elsewhere.url}/layer`] }],
      },
      "application/vnd.oci.image.manifest.v1+json",
    );
    elsewhere.behave = (_, response) => {
      response.writeHead(401, { "www-authenticate": `Basic realm="x", Bearer realm="${elsewhere.url}/token"` }).end();
      return true;
    };
    await expect(pull(registry, own)).rejects.toMatchObject({ code: "ERR_CT_UNAUTHORIZED" });
    expect(elsewhere.seen.map(({ path, headers }) => [path, headers.authorization])).toEqual([["/layer", undefined]]);
  });

  it("do not go to another host that an upload is sent to", async () => {
    const [registry, storage] = [await start({ auth: { kind: "basic", ...auth } }), await start()];
    registry.behave = ({ method }, response) => {
      if (method === "POST") response.writeHead(202, { location: `${storage.url}/upload?leave=1` }).end();
      return method === "POST";
    };
    storage.behave = ({ method }, response) => {
      response.writeHead(method === "PATCH" ? 202 : 201, { location: `${storage.url}/upload?leave=2` });
      // What is sent is read, as a storage would.
      response.req.resume().once("end", () => response.end());
      return true;
    };
    const images = new MemoryImages();
    images.addImage([LAYER]);
    await push(registry, images, own);
    expect(storage.seen.map(({ method }) => method).sort()).toEqual(["PATCH", "PUT", "PUT"]);
    expect(storage.seen.every(({ headers }) => headers.authorization === undefined)).toBe(true);
    expect(storage.seen.every(({ query }) => query.has("leave"))).toBe(true);
  });

  it("are not sent for ever to who is never content", async () => {
    const registry = await start({ auth: { kind: "token" } });
    registry.behave = ({ path }, response) => {
      if (path === "/token" || path === "/v2/") return false;
      response.writeHead(401, { "www-authenticate": `Bearer realm="${registry.url}/token"` }).end();
      return true;
    };
    await expect(pull(registry)).rejects.toMatchObject({ code: "ERR_CT_UNAUTHORIZED" });
    expect(registry.seen.length).toBeLessThan(6);
  });

  it("are not sent anywhere by a header that makes no sense", async () => {
    const registry = await start();
    const challenges = [
      "",
      "Negotiate",
      "Bearer",
      'Bearer realm="file:///etc/passwd"',
      'Bearer realm="javascript:alert(1)",service=x',
      `Bearer realm="${"x".repeat(8000)}"`,
      `Basic ${"a=".repeat(4000)}`,
    ];
    for (const challenge of challenges) {
      registry.behave = ({ path }, response) => {
        if (path !== "/v2/") response.writeHead(401, { "www-authenticate": challenge }).end();
        return path !== "/v2/";
      };
      await expect(pull(registry), challenge.slice(0, 40)).rejects.toMatchObject({
        code: expect.stringMatching(/UNAUTHORIZED|REGISTRY/),
      });
    }
  });

  it("that could not stand in a header are refused", async () => {
    const registry = await start({ auth: { kind: "token" } });
    for (const body of ["", "[]", "null", '{"token":"a\\r\\nX: y"}', '{"token":7}', "{}", "x".repeat(2_000_000)]) {
      registry.behave = ({ path }, response) => {
        if (path === "/token") response.end(body);
        return path === "/token";
      };
      await expect(pull(registry), body.slice(0, 20)).rejects.toThrow("gave no token");
    }
  });

  it("redirects without an end, to nowhere, or to files are refused", async () => {
    const registry = await start();
    for (const location of ["/v2/app/manifests/latest", "", "file:///etc/passwd", "http://[", "ftp://127.0.0.1/x"]) {
      registry.behave = ({ path }, response) => {
        if (path !== "/v2/") response.writeHead(302, { location }).end();
        return path !== "/v2/";
      };
      await expect(pull(registry), location).rejects.toMatchObject({ code: "ERR_CT_REGISTRY" });
    }
  });
});

describe("a push", () => {
  const image = () => {
    const images = new MemoryImages();
    images.addImage([LAYER, "two"]);
    return images;
  };

  it("sends blobs, then the manifest under the tag", async () => {
    const [registry, images] = [await start(), image()];
    await push(registry, images);
    expect(contents(registry.images)).toEqual(contents(images));
    expect(registry.tags.get("v1")).toBe(images.tagged);
    expect(registry.openSessions).toBe(0);
    expect(registry.requests.at(-1)).toBe("PUT /v2/app/manifests/v1");
    registry.seen.length = 0;
    await push(registry, images);
    expect(registry.requests.filter((one) => /^(POST|PATCH)/.test(one))).toEqual([]);
  });

  it("in pieces sends what the registry can put together", async () => {
    const [registry, images] = [await start(), image()];
    await push(registry, images, { chunkSize: 100_000 });
    expect(contents(registry.images)).toEqual(contents(images));
    const ranges = registry.seen.flatMap(({ headers }) => headers["content-range"] ?? []);
    expect(ranges).toEqual(["0-99999", "100000-199999", "200000-299999"]);
  });

  it("goes in pieces when something on the way refuses a whole", async () => {
    const [registry, images] = [await start(), image()];
    let whole = 0;
    registry.behave = ({ method, headers }, response) => {
      if (method !== "PATCH" || headers["content-range"] !== undefined) return false;
      whole += 1;
      response.writeHead(413, { connection: "close" }).end();
      return true;
    };
    await push(registry, images);
    expect(whole).toBe(1);
    expect(contents(registry.images)).toEqual(contents(images));
    expect(registry.openSessions).toBe(0);
  });

  it("takes blobs of another repository without sending them", async () => {
    const [registry, images] = [await start(), image()];
    await push(registry, images);
    const [source, destination] = ["app:v1", "other/app"].map((name) => parseReference(`${registry.host}/${name}`));
    if (!source || !destination) throw new Error("unreachable");
    registry.seen.length = 0;
    registry.behave = ({ method }, response) => {
      // Another repository does not have them yet.
      if (method === "HEAD") response.writeHead(404).end();
      return method === "HEAD";
    };
    const from = registrySource(source, quick);
    const to = registryDestination(destination, quick);
    await copyImage(from, to, { platform: "all" });
    for (const one of [from, to]) await one.close?.();
    const mounts = registry.seen.filter(({ method }) => method === "POST");
    expect(mounts.map(({ query }) => query.get("from"))).toEqual(["app", "app", "app"]);
    expect(registry.requests.filter((one) => one.startsWith("PATCH"))).toEqual([]);
  });

  it("begins a blob anew when the connection breaks", async () => {
    const [registry, images] = [await start(), image()];
    let breaks = 2;
    registry.behave = ({ method }, response) => {
      if (method !== "PATCH" || breaks-- <= 0) return false;
      response.destroy();
      return true;
    };
    await push(registry, images);
    expect(contents(registry.images)).toEqual(contents(images));
    expect(waits).toHaveLength(2);
    expect(registry.openSessions).toBe(0);
  });

  it("says what the source says when that ends too soon", async () => {
    const [registry, images] = [await start(), image()];
    const layer = images.addBlob(LAYER, "x");
    images.blobs.set(layer.digest, Buffer.from(LAYER.slice(0, 100_000)));
    await expect(push(registry, images)).rejects.toMatchObject({
      code: "ERR_CT_DIGEST",
      message: expect.stringContaining("it ended after 100000 of 300000 bytes"),
    });
    expect(registry.tags.size).toBe(0);
  });

  it("of an error is one line that says what the registry says", async () => {
    const [registry, images] = [await start(), image()];
    registry.behave = ({ method }, response) => {
      if (method === "PUT") response.writeHead(400).end('{"errors":[{"code":"MANIFEST_INVALID","message":"bad"}]}');
      return method === "PUT";
    };
    await expect(push(registry, images)).rejects.toThrow(/the registry answered: MANIFEST_INVALID: bad \(status 400\)/);
  });
});
