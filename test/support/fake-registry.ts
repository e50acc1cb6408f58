import { createHash, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { TlsOptions } from "node:tls";
import type { Digest } from "../../src/image/types.ts";
import { MemoryImages } from "./memory-image.ts";

export interface Seen {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
}

export interface FakeOptions {
  readonly tls?: Pick<TlsOptions, "key" | "cert" | "ca" | "requestCert">;
  /** Who may come in, and by what way. Tokens are given out by the registry itself. */
  readonly auth?: { readonly kind: "basic" | "token"; readonly user?: string; readonly password?: string };
}

/** Answers, or gives false for what the registry would do. */
export type Behaviour = (seen: Seen, response: ServerResponse) => boolean | Promise<boolean>;

/** A registry in memory (distribution-spec) that behaves as a test wants. It listens on this machine only. */
export class FakeRegistry {
  readonly images = new MemoryImages();
  readonly tags = new Map<string, Digest>();
  readonly seen: Seen[] = [];
  /** Is asked first. */
  behave: Behaviour = () => false;
  readonly tokens = new Set<string>();
  readonly #sessions = new Map<string, Buffer[]>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  readonly #auth: FakeOptions["auth"];
  readonly #scheme: string;

  private constructor({ tls, auth }: FakeOptions) {
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      this.#answer(request, response).catch((error: unknown) => response.destroy(error as Error));
    };
    this.#server = tls ? createTlsServer(tls, answer) : createServer(answer);
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    this.#auth = auth;
    this.#scheme = tls ? "https" : "http";
  }

  static async start(options: FakeOptions = {}): Promise<FakeRegistry> {
    const registry = new FakeRegistry(options);
    await new Promise<void>((resolve) => registry.#server.listen(0, "127.0.0.1", resolve));
    return registry;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  get url(): string {
    return `${this.#scheme}://${this.host}`;
  }

  /** "GET /v2/app/blobs" for each request, with digests and sessions cut off. */
  get requests(): readonly string[] {
    return this.seen.map(({ method, path }) => `${method} ${path.replace(/\/(sha256:.*|[0-9a-f]{16})$/, "")}`);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.url);
    const { method = "GET", headers } = request;
    const seen: Seen = { method, path: url.pathname, query: url.searchParams, headers };
    this.seen.push(seen);
    if (await this.behave(seen, response)) return;
    if (url.pathname === "/token") return this.#token(seen, response);
    if (!this.#mayCome(headers.authorization)) return this.#refuse(seen, response);
    const [, repository = "", rest = ""] = /^\/v2\/(?:(.+?)\/)?((?:manifests|blobs)\/.*)?$/.exec(url.pathname) ?? [];
    if (rest === "") return void response.writeHead(200).end("{}");
    if (rest.startsWith("blobs/uploads/")) return this.#upload(request, seen, repository, response);
    if (rest.startsWith("blobs/")) return this.#blob(rest.slice("blobs/".length) as Digest, seen, response);
    return this.#manifest(request, rest.slice("manifests/".length), response);
  }

  #mayCome(authorization: string | undefined): boolean {
    if (!this.#auth) return true;
    if (this.#auth.kind === "token") return this.tokens.has(authorization?.replace("Bearer ", "") ?? "");
    return authorization === this.#basic;
  }

  get #basic(): string {
    return `Basic ${Buffer.from(`${this.#auth?.user}:${this.#auth?.password}`).toString("base64")}`;
  }

  #refuse({ path }: Seen, response: ServerResponse): void {
    const repository = /^\/v2\/(.+?)\/(?:manifests|blobs)\//.exec(path)?.[1];
    const scope = repository === undefined ? "" : `,scope="repository:${repository}:pull"`;
    const bearer = `Bearer realm="${this.url}/token",service="fake"${scope}`;
    const challenge = this.#auth?.kind === "token" ? bearer : 'Basic realm="fake"';
    response
      .writeHead(401, { "www-authenticate": challenge })
      .end('{"errors":[{"code":"UNAUTHORIZED","message":"who are you"}]}');
  }

  #token({ headers }: Seen, response: ServerResponse): void {
    const user = this.#auth?.user;
    if (user !== undefined && headers.authorization !== this.#basic) {
      return void response.writeHead(401).end('{"details":"incorrect username or password"}');
    }
    const token = randomBytes(8).toString("hex");
    this.tokens.add(token);
    response.writeHead(200).end(JSON.stringify({ token, expires_in: 300 }));
  }

  #blob(digest: Digest, { method, headers }: Seen, response: ServerResponse): void {
    const bytes = this.images.blobs.get(digest);
    if (!bytes) {
      notFound(response, "BLOB_UNKNOWN");
      return;
    }
    const first = Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
    if (first >= bytes.length && first > 0) return void response.writeHead(416).end();
    const rest = bytes.subarray(first);
    const range = first > 0 ? { "content-range": `bytes ${first}-${bytes.length - 1}/${bytes.length}` } : {};
    response.writeHead(first > 0 ? 206 : 200, { "content-length": rest.length, ...range });
    response.end(method === "HEAD" ? undefined : rest);
  }

  async #manifest(request: IncomingMessage, which: string, response: ServerResponse): Promise<void> {
    if (request.method === "PUT") {
      const bytes = await bodyOf(request);
      const digest = digestOf(bytes);
      const mediaType = request.headers["content-type"] ?? "";
      this.images.manifests.set(digest, { descriptor: { mediaType, digest, size: bytes.length }, bytes });
      if (!which.startsWith("sha256:")) this.tags.set(which, digest);
      return void response.writeHead(201, { "docker-content-digest": digest }).end();
    }
    const digest = which.startsWith("sha256:") ? (which as Digest) : (this.tags.get(which) ?? this.images.tagged);
    const found = digest && this.images.manifests.get(digest);
    if (!found) return notFound(response, "MANIFEST_UNKNOWN");
    response.writeHead(200, {
      "content-type": found.descriptor.mediaType,
      "docker-content-digest": found.descriptor.digest,
    });
    response.end(found.bytes);
  }

  async #upload(
    request: IncomingMessage,
    { method, path, query }: Seen,
    repository: string,
    response: ServerResponse,
  ): Promise<void> {
    if (method === "POST") {
      const mounted = query.get("mount") as Digest | null;
      if (mounted && this.images.blobs.has(mounted)) return void response.writeHead(201).end();
      const session = randomBytes(8).toString("hex");
      this.#sessions.set(session, []);
      return void response.writeHead(202, { location: `/v2/${repository}/blobs/uploads/${session}?state=1` }).end();
    }
    const session = path.slice(path.lastIndexOf("/") + 1);
    const parts = this.#sessions.get(session);
    if (!parts) return notFound(response, "BLOB_UPLOAD_UNKNOWN");
    if (method === "DELETE") {
      this.#sessions.delete(session);
      return void response.writeHead(204).end();
    }
    parts.push(await bodyOf(request));
    if (method === "PATCH") return void response.writeHead(202, { location: `${path}?state=2` }).end();
    const bytes = Buffer.concat(parts);
    if (digestOf(bytes) !== query.get("digest"))
      return void response.writeHead(400).end('{"errors":[{"code":"DIGEST_INVALID"}]}');
    this.images.blobs.set(digestOf(bytes), bytes);
    this.#sessions.delete(session);
    response.writeHead(201).end();
  }

  /** Uploads that were neither ended nor given up. */
  get openSessions(): number {
    return this.#sessions.size;
  }
}

const digestOf = (bytes: Uint8Array): Digest => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

function notFound(response: ServerResponse, code: string): void {
  response.writeHead(404).end(JSON.stringify({ errors: [{ code, message: "not known" }] }));
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
