import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createSecureContext } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { discard, openWire } from "../../../src/image/registry/http.ts";
import { sessionOf } from "../../../src/image/registry/upload.ts";

let server: Server | HttpServer | undefined;
const sockets = new Set<Socket>();
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server?.close(resolve));
  server = undefined;
});

async function listen(made: Server | HttpServer): Promise<string> {
  server = made;
  made.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => made.listen(0, "127.0.0.1", resolve));
  return `127.0.0.1:${(made.address() as AddressInfo).port}`;
}

const wireOf = (env: Readonly<Record<string, string>> = {}) =>
  openWire({ tls: () => ({ context: createSecureContext({}), verify: true }), env, patience: 60_000 });

describe("a request", () => {
  it("through a proxy that does not answer ends when nobody waits for it, with its connection", async () => {
    const stop = new AbortController();
    let close = (): void => undefined;
    const closed = new Promise<void>((resolve) => {
      close = resolve;
    });
    // Aborted when the proxy has the request, and says nothing.
    const address = await listen(
      createServer((socket) => {
        socket.once("close", close);
        socket.once("data", () => stop.abort());
      }),
    );
    const wire = wireOf({ HTTPS_PROXY: `http://${address}` });
    const sent = wire.send({ method: "GET", url: new URL("https://r.example/v2/"), signal: stop.signal });
    await expect(sent).rejects.toMatchObject({ code: "ERR_CT_ABORTED" });
    await closed;
    wire.close();
  });
});

describe("an answer that nobody reads", () => {
  it("is let go of when it is long, also when it does not say so", async () => {
    const address = await listen(
      createHttpServer((_, response) => {
        const more = (): void => void (response.destroyed || response.write(Buffer.alloc(16_384), more));
        more();
      }),
    );
    const wire = wireOf();
    const response = await wire.send({ method: "GET", url: new URL(`http://${address}/`) });
    await discard(response, 60_000);
    expect(response.body.destroyed).toBe(true);
    wire.close();
  });
});

describe("a registry that takes uploads in pieces", () => {
  it("cannot have pieces of any size kept in memory", async () => {
    const address = await listen(
      createHttpServer((_, response) => {
        response.writeHead(202, { location: "/up", "oci-chunk-min-length": String(1 << 30) }).end();
      }),
    );
    const wire = wireOf();
    const url = new URL(`http://${address}/`);
    const client = { base: url, patience: 60_000 } as Parameters<typeof sessionOf>[0]["client"];
    const session = await sessionOf({ client, what: "x" }, await wire.send({ method: "POST", url }));
    expect(session.least).toBe(128 * 1024 * 1024);
    wire.close();
  });
});
