import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { copyImage, parseReference } from "../../../src/image/index.ts";
import { proxyFor } from "../../../src/image/registry/proxy.ts";
import { registrySource } from "../../../src/image/registry/source.ts";
import { FakeRegistry } from "../../support/fake-registry.ts";
import { MemoryImages } from "../../support/memory-image.ts";
import { installed, requires } from "../../support/prerequisite.ts";

describe("the proxy of the environment", () => {
  const PROXY = "http://proxy.example:3128";
  it.each([
    ["https://r.example/v2/", { HTTPS_PROXY: PROXY }, PROXY],
    ["https://r.example/v2/", { https_proxy: "proxy.example:3128" }, PROXY],
    ["https://r.example/v2/", { HTTP_PROXY: PROXY }, undefined],
    ["http://r.example/v2/", { HTTP_PROXY: PROXY }, PROXY],
    ["http://r.example/v2/", { HTTP_PROXY: PROXY, REQUEST_METHOD: "GET" }, undefined],
    ["https://r.example/", { HTTPS_PROXY: PROXY, NO_PROXY: "r.example" }, undefined],
    ["https://a.r.example/", { HTTPS_PROXY: PROXY, NO_PROXY: "x, .r.example" }, undefined],
    ["https://a.r.example/", { HTTPS_PROXY: PROXY, no_proxy: "r.example" }, undefined],
    ["https://other-r.example/", { HTTPS_PROXY: PROXY, NO_PROXY: "r.example" }, PROXY],
    ["https://r.example/", { HTTPS_PROXY: PROXY, NO_PROXY: "*" }, undefined],
    ["https://r.example:5000/", { HTTPS_PROXY: PROXY, NO_PROXY: "r.example:5000" }, undefined],
    ["https://r.example/", { HTTPS_PROXY: PROXY, NO_PROXY: "r.example:5000" }, PROXY],
    ["https://10.1.2.3/", { HTTPS_PROXY: PROXY, NO_PROXY: "10.0.0.0/8" }, undefined],
    ["https://11.1.2.3/", { HTTPS_PROXY: PROXY, NO_PROXY: "10.0.0.0/8" }, PROXY],
    ["https://[fd00::1]/", { HTTPS_PROXY: PROXY, NO_PROXY: "fd00::1" }, undefined],
    ["https://localhost:5000/", { HTTPS_PROXY: PROXY }, undefined],
    ["http://127.1.2.3:5000/", { HTTP_PROXY: PROXY }, undefined],
    ["https://r.example/", { HTTPS_PROXY: "" }, undefined],
  ])("for %s with %j is %s", (url, env, expected) => {
    expect(proxyFor(new URL(url), env)?.href).toBe(expected === undefined ? undefined : new URL(expected).href);
  });

  it("of another kind is refused, and its password not shown", () => {
    const act = () => proxyFor(new URL("https://r.example/"), { HTTPS_PROXY: "socks5://me:secret@x" });
    expect(act).toThrow("SOCKS is not supported");
    expect(act).not.toThrow("secret");
  });
});

const opensslThere = requires("openssl", installed("openssl"), "a registry with TLS behind a proxy");

/** Passes everything on to one place, whatever name was asked for, and remembers who asked for what. */
class FakeProxy {
  readonly seen: { readonly target: string; readonly authorization: string | undefined }[] = [];
  refuse = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(to: () => number) {
    const note = (request: IncomingMessage, target: string) =>
      this.seen.push({ target, authorization: request.headers["proxy-authorization"] });
    this.#server = createServer((request, response) => {
      note(request, request.url ?? "");
      const { pathname, search } = new URL(request.url ?? "");
      fetch(`http://127.0.0.1:${to()}${pathname}${search}`, { method: request.method ?? "GET" }).then(
        async (answer) =>
          response
            .writeHead(answer.status, Object.fromEntries(answer.headers))
            .end(Buffer.from(await answer.arrayBuffer())),
        () => response.destroy(),
      );
    });
    this.#server.on("connect", (request, socket: Socket) => {
      note(request, request.url ?? "");
      if (this.refuse > 0) {
        socket.end(`HTTP/1.1 ${this.refuse} No\r\ncontent-length: 0\r\n\r\n`);
        return;
      }
      const onward = connect(to(), "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        onward.pipe(socket).pipe(onward);
      });
      for (const one of [socket, onward]) this.#sockets.add(one.on("error", () => undefined));
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

describe.runIf(opensslThere)("a registry behind a proxy", () => {
  const place = mkdtempSync(`${tmpdir()}/ct-proxy-`);
  let registry: FakeRegistry;
  let proxy: FakeProxy;
  beforeAll(() => {
    const subject = ["-subj", "/CN=r.example", "-addext", "subjectAltName=DNS:r.example"];
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", `${place}/key`];
    execFileSync("openssl", ["req", "-x509", ...key, "-out", `${place}/ca.crt`, ...subject, "-days", "2"], {
      stdio: "ignore",
    });
  });
  afterEach(async () => {
    await proxy.stop();
    await registry.stop();
  });
  afterAll(() => rmSync(place, { recursive: true }));

  async function pull(address: string, insecure: boolean): Promise<MemoryImages> {
    const env = { HTTPS_PROXY: `http://me:p%40ss@${address}`, HTTP_PROXY: `http://me:p%40ss@${address}` };
    const options = { env, certificates: place, insecure, credentials: async () => undefined };
    const [source, images] = [registrySource(parseReference("r.example/app"), options), new MemoryImages()];
    try {
      await copyImage(source, images);
    } finally {
      await source.close?.();
    }
    return images;
  }

  it("with TLS is reached through it; the proxy sees no more than the name", async () => {
    registry = await FakeRegistry.start({
      tls: { key: readFileSync(`${place}/key`, "utf8"), cert: readFileSync(`${place}/ca.crt`, "utf8") },
    });
    registry.images.addImage(["one", "two"]);
    proxy = new FakeProxy(() => registry.port);
    const images = await pull(await proxy.start(), false);
    expect(images.blobs.size).toBe(3);
    expect(new Set(proxy.seen.map(({ target }) => target))).toEqual(new Set(["r.example:443"]));
    expect(proxy.seen[0]?.authorization).toBe(`Basic ${Buffer.from("me:p@ss").toString("base64")}`);
    expect(registry.seen.every(({ headers }) => headers["proxy-authorization"] === undefined)).toBe(true);
  });

  it("without TLS is asked through it, when that is allowed", async () => {
    registry = await FakeRegistry.start();
    registry.images.addImage(["one"]);
    proxy = new FakeProxy(() => registry.port);
    const address = await proxy.start();
    proxy.refuse = 502;
    expect((await pull(address, true)).blobs.size).toBe(2);
    expect(proxy.seen.at(-1)?.target).toMatch(/^http:\/\/r\.example\/v2\/app\/blobs\//);
    expect(proxy.seen.at(-1)?.authorization).toContain("Basic");
  });

  it("that does not let one through is told of, and what to do", async () => {
    registry = await FakeRegistry.start();
    proxy = new FakeProxy(() => registry.port);
    const address = await proxy.start();
    proxy.refuse = 407;
    await expect(pull(address, false)).rejects.toThrow(
      /the proxy 127.0.0.1:\d+ does not connect to r.example:443: status 407; hint: it wants credentials/,
    );
  });
});
