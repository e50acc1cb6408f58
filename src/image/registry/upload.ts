import { LibctError } from "../../errors.ts";
import { collectBytes } from "../read-blob.ts";
import type { BlobContent, Descriptor } from "../types.ts";
import type { Ask, RegistryClient } from "./client.ts";
import { isPassing } from "./failure.ts";
import { discard, type HttpResponse } from "./http.ts";
import { backOff, type Pause, TRIES } from "./retry.ts";

/** A blob on its way into a repository. */
export interface Upload {
  readonly client: RegistryClient;
  readonly repository: string;
  readonly scopes: readonly string[];
  readonly descriptor: Descriptor;
  readonly what: string;
  readonly pause: Pause;
  /** Bytes of a piece; undefined: all in one. */
  readonly chunkSize?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Where a session's next bytes go. */
export interface Session {
  readonly url: URL;
  /** The least that a piece may have (OCI-Chunk-Min-Length). */
  readonly least: number;
}

/** Sent with the request that ends the session: a way less. */
const SMALL = 64 * 1024;
/** Pieces for who refuses a whole: below the usual limits (100 MB of Cloudflare), and little enough to be kept for another try. */
const PIECE = 8 * 1024 * 1024;

/** However much a registry wants at a time: a piece is kept in memory. */
const LARGEST_PIECE = 128 * 1024 * 1024;

/** Milliseconds */
const TO_CANCEL = 5000;

const BYTES = { "content-type": "application/octet-stream" } as const;

/** Sends a blob; when the connection breaks, again in a new session. */
export async function upload(job: Upload, content: BlobContent, started?: Session): Promise<void> {
  let [session, chunkSize] = [started, job.chunkSize];
  for (let tries = 1; ; tries++) {
    session ??= await startSession(job);
    try {
      if (await sendBlob({ ...job, chunkSize }, session, content)) return;
      // Something on the way limits requests; many small ones pass.
      chunkSize = PIECE;
    } catch (error) {
      await cancel(job, session);
      if (tries >= TRIES || !isPassing(error)) throw error;
      await job.pause(backOff(tries), job.signal);
      session = undefined;
      continue;
    }
    await cancel(job, session);
    session = undefined;
  }
}

const ask = (
  { client, scopes, what, signal }: Upload,
  rest: Pick<Ask, "method" | "url" | "accept" | "headers" | "body">,
) => client.ask({ scopes, what, signal, ...rest });

async function startSession(job: Upload): Promise<Session> {
  const url = new URL(`/v2/${job.repository}/blobs/uploads/`, job.client.base);
  const response = await ask(job, { method: "POST", url, headers: { "content-length": "0" }, accept: [202] });
  return sessionOf(job, response);
}

/** Reads where to go on, and lets go of the rest of the answer. */
export async function sessionOf(
  { client, what }: Pick<Upload, "client" | "what">,
  response: HttpResponse,
): Promise<Session> {
  const { location = "" } = response.headers;
  await discard(response, client.patience);
  if (!URL.canParse(location, response.url.href)) {
    throw new LibctError("ERR_CT_REGISTRY", `${what}: the registry does not say where to upload to`);
  }
  const url = new URL(location, response.url);
  // Behind a proxy that speaks TLS for it, a registry may not know that it is reached by TLS.
  if (url.hostname === client.base.hostname && client.base.protocol === "https:" && url.protocol === "http:") {
    url.protocol = "https:";
    if (url.port === "80") url.port = "";
  }
  if (url.protocol !== "https:" && url.protocol !== client.base.protocol) {
    throw new LibctError("ERR_CT_REGISTRY", `${what}: the registry wants uploads at ${url.origin}, without TLS`);
  }
  const least = Number(response.headers["oci-chunk-min-length"] ?? 0);
  return { url, least: Number.isSafeInteger(least) && least > 0 ? Math.min(least, LARGEST_PIECE) : 0 };
}

/** False when a whole is too large for the way to the registry. */
async function sendBlob(job: Upload, session: Session, content: BlobContent): Promise<boolean> {
  const { descriptor, chunkSize } = job;
  if (descriptor.size <= SMALL) {
    await finish(job, session, await collectBytes(content, SMALL, job.what));
    return true;
  }
  const next =
    chunkSize === undefined
      ? await sendWhole(job, session, content)
      : await sendPieces(job, session, content, chunkSize);
  if (next) await finish(job, next, new Uint8Array());
  return next !== undefined;
}

async function sendWhole(job: Upload, { url }: Session, content: BlobContent): Promise<Session | undefined> {
  const headers = { ...BYTES, "content-length": String(job.descriptor.size) };
  let failure: unknown;
  const body = (async function* () {
    try {
      yield* content;
    } catch (error) {
      failure = error;
      throw error;
    }
  })();
  try {
    const response = await ask(job, { method: "PATCH", url, headers, body, accept: [201, 202, 204, 413] });
    if (response.status !== 413) return await sessionOf(job, response);
    await discard(response, job.client.patience);
    return undefined;
  } catch (error) {
    // What the source says is the reason; the registry sees only a connection that ended.
    throw failure ?? error;
  }
}

/** distribution-spec, "Pushing a blob in chunks". */
async function sendPieces(job: Upload, first: Session, content: BlobContent, size: number): Promise<Session> {
  let [session, at] = [first, 0];
  for await (const piece of inPieces(content, Math.max(size, first.least))) {
    const range = `${at}-${at + piece.length - 1}`;
    const headers = { ...BYTES, "content-length": String(piece.length), "content-range": range };
    const response = await ask(job, {
      method: "PATCH",
      url: session.url,
      headers,
      body: piece,
      accept: [202, 201, 204],
    });
    session = await sessionOf(job, response);
    at += piece.length;
  }
  return session;
}

async function* inPieces(content: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  let [waiting, length]: [Uint8Array[], number] = [[], 0];
  for await (const chunk of content) {
    let rest = chunk;
    while (length + rest.length >= size) {
      const [head, tail] = [rest.subarray(0, size - length), rest.subarray(size - length)];
      yield Buffer.concat([...waiting, head]);
      [waiting, length, rest] = [[], 0, tail];
    }
    if (rest.length > 0) waiting.push(rest);
    length += rest.length;
  }
  if (length > 0) yield Buffer.concat(waiting);
}

async function finish(job: Upload, session: Session, body: Uint8Array): Promise<void> {
  const url = new URL(session.url);
  url.searchParams.append("digest", job.descriptor.digest);
  const headers = { ...BYTES, "content-length": String(body.length) };
  const response = await ask(job, { method: "PUT", url, headers, body, accept: [201, 204] });
  await discard(response, job.client.patience);
}

/** A session that is not ended takes room at the registry until it expires there. That it cannot be ended is no news beside what went wrong before. */
async function cancel(job: Upload, { url }: Session): Promise<void> {
  try {
    const accept = [200, 202, 204, 404, 405];
    const { scopes, what } = job;
    // Nobody who has given up waits for this.
    const signal = AbortSignal.timeout(TO_CANCEL);
    const response = await job.client.ask({ method: "DELETE", url, scopes, accept, what, signal });
    await discard(response, job.client.patience);
  } catch {
    // See above.
  }
}
