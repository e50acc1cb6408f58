import { connect, createServer, type Socket } from "node:net";

/** Passes connections on, and counts what comes back. */
export interface CountingProxy {
  readonly host: string;
  /** Bytes since the last call. */
  take(): number;
  stop(): void;
}

export async function startCountingProxy(to: string): Promise<CountingProxy> {
  const { hostname, port } = new URL(`http://${to}`);
  const sockets = new Set<Socket>();
  let bytes = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    upstream.on("data", (chunk) => {
      bytes += chunk.length;
    });
    client.pipe(upstream).pipe(client);
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one);
      // Whichever side breaks off, the other one's end is the same.
      one.on("error", () => other.destroy()).on("close", () => sockets.delete(one));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return {
    host: `127.0.0.1:${address.port}`,
    take() {
      const taken = bytes;
      bytes = 0;
      return taken;
    },
    stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
