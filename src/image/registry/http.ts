import {
  Agent,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as plainRequest,
} from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import { finished } from "node:stream/promises";
import type { SecureContext } from "node:tls";
import { aborted } from "../abort.ts";
import { failure, idle, unreachable } from "./failure.ts";
import { proxyFor } from "./proxy.ts";
import { type Detour, throughProxy } from "./tunnel.ts";

/** How a host's TLS is spoken. */
export interface Tls {
  readonly context: SecureContext;
  readonly verify: boolean;
}

export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | AsyncIterable<Uint8Array> | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly url: URL;
  /** Must be read or dropped: `discard`. */
  readonly body: IncomingMessage;
}

/** Sends requests over connections that are kept for the next ones. */
export interface Wire {
  send(request: HttpRequest): Promise<HttpResponse>;
  close(): void;
}

export interface WireOptions {
  readonly tls: (url: URL) => Tls;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds in which nothing comes before the connection counts as broken. */
  readonly patience: number;
}

/**
 * node:http and node:https, because they are the same in Node and Bun, take certificates of one's own, hand over sockets of proxies and slow the sender when the
 * reader is slow. `fetch` takes neither certificates nor proxies in Node without a package.
 */
export function openWire(options: WireOptions): Wire {
  const plain = new Agent({ keepAlive: true });
  const agents = new Map<string, TlsAgent>();
  const agentFor = (url: URL): TlsAgent => {
    const found = agents.get(url.host);
    if (found) return found;
    const { context, verify } = options.tls(url);
    const made = new TlsAgent({ keepAlive: true, secureContext: context, rejectUnauthorized: verify });
    agents.set(url.host, made);
    return made;
  };
  return {
    async send(request) {
      const proxy = proxyFor(request.url, options.env);
      const how: Detour = proxy
        ? await throughProxy(request.url, proxy, options.tls(request.url), options, request.signal)
        : { path: pathOf(request.url), agent: request.url.protocol === "https:" ? agentFor(request.url) : plain };
      return exchange(request, how, options.patience);
    },
    close() {
      plain.destroy();
      for (const agent of agents.values()) agent.destroy();
    },
  };
}

const pathOf = ({ pathname, search }: URL): string => pathname + search;

/** One request and the head of its answer. */
function exchange(
  { method, url, headers, body, signal }: HttpRequest,
  { tunnel, ...how }: Detour,
  patience: number,
): Promise<HttpResponse> {
  const what = `${method} ${url.origin}`;
  if (signal?.aborted) {
    tunnel?.destroy();
    return Promise.reject(aborted(signal, what));
  }
  return new Promise((resolve, reject) => {
    const send = url.protocol === "https:" ? tlsRequest : plainRequest;
    const place = { hostname: url.hostname.replace(/^\[|\]$/g, ""), port: url.port };
    const options = { method, ...place, ...how, headers: { ...headers, ...how.headers } };
    let answer: IncomingMessage | undefined;
    const request = send(options, (response) => {
      answer = response;
      watch.stop();
      request.off("error", fail);
      // The connection may break while nobody reads; who reads learns it from the body.
      for (const one of [request, response]) one.on("error", () => undefined);
      resolve({ status: response.statusCode ?? 0, headers: response.headers, url, body: response });
    });
    // To put away what it was sent may take a registry longer than to begin an answer.
    const watch = watchRequest(request, url, method === "GET" || method === "HEAD" ? patience : 5 * patience);
    const fail = (error: unknown): void => {
      watch.stop();
      reject(signal?.aborted ? aborted(signal, what) : failure(url, error));
    };
    const abort = (): void => void request.destroy(new Error("aborted"));
    signal?.addEventListener("abort", abort, { once: true });
    request.once("error", fail);
    request.once("close", () => signal?.removeEventListener("abort", abort));
    void writeBody(request, body, () => {
      if (!answer) watch.alive();
      // An answer that comes first, such as 401, says that nobody wants the rest; the connection is of no use then.
      answer?.once("end", () => request.destroy());
      return answer === undefined;
    }).catch(fail);
  });
}

/** Milliseconds. A host that is there answers sooner, and one that is not would be asked again and again. */
const TO_CONNECT = 30_000;

interface Watch {
  /** Something was sent: the time begins again. */
  alive(): void;
  stop(): void;
}

/** Ends a request when there is no connection in time, or no answer. */
function watchRequest(request: ClientRequest, url: URL, patience: number): Watch {
  const toConnect = Math.min(TO_CONNECT, patience);
  let timer = setTimeout(() => request.destroy(unreachable(url, toConnect)), toConnect);
  const connected = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => request.destroy(idle(url, patience)), patience);
  };
  request.once("socket", (socket) => {
    // A connection that was kept, or one through a proxy, is there already.
    if (!socket.connecting) connected();
    else socket.once("connect", connected);
  });
  request.once("close", () => clearTimeout(timer));
  return { alive: () => void timer.refresh(), stop: () => clearTimeout(timer) };
}

async function writeBody(request: ClientRequest, body: HttpRequest["body"], wanted: () => boolean): Promise<void> {
  if (body === undefined || body instanceof Uint8Array) {
    request.end(body);
    return;
  }
  try {
    for await (const chunk of body) {
      if (request.destroyed || !wanted()) return;
      if (!request.write(chunk)) await drained(request);
    }
  } catch (error) {
    request.destroy();
    throw error;
  }
  if (wanted()) request.end();
}

/** Resolves when more can be written, or never will be. */
function drained(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      for (const event of ["drain", "close", "error", "response"]) request.off(event, go);
      resolve();
    };
    for (const event of ["drain", "close", "error", "response"]) request.on(event, go);
  });
}

/** What comes of a body. It ends with an error when the connection does, when nothing comes any more, and on `signal`. */
export async function* readBody(
  { body, url }: HttpResponse,
  patience: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let waiting = true;
  // A reader that takes its time is no reason to give up.
  const timer = setTimeout(() => (waiting ? body.destroy(idle(url, patience)) : timer.refresh()), patience);
  const abort = (): void => void body.destroy(new Error("aborted"));
  signal?.addEventListener("abort", abort, { once: true });
  try {
    if (signal?.aborted) throw aborted(signal, `GET ${url.origin}`);
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      waiting = false;
      yield chunk;
      waiting = true;
      timer.refresh();
    }
  } catch (error) {
    throw signal?.aborted ? aborted(signal, `GET ${url.origin}`) : failure(url, error);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
    body.destroy();
  }
}

/** Reads at most so many bytes of a body, and lets go of the rest. */
export async function readSome(
  response: HttpResponse,
  most: number,
  patience: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of readBody(response, patience, signal)) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > most) break;
  }
  return Buffer.concat(chunks);
}

/** Of answers that have nothing to say: so little is read to keep the connection, and what is longer ends it. */
const WORTH_READING = 64 * 1024;

export async function discard(response: HttpResponse, patience: number): Promise<void> {
  const length = Number(response.headers["content-length"] ?? 0);
  if (length > WORTH_READING) {
    response.body.destroy();
    return;
  }
  let size = 0;
  response.body.on("data", (chunk: Uint8Array) => {
    size += chunk.length;
    // Not every answer says its length.
    if (size > WORTH_READING) response.body.destroy();
  });
  const timer = setTimeout(() => response.body.destroy(), patience);
  // A connection that breaks here is opened anew by the next request.
  await finished(response.body).catch(() => undefined);
  clearTimeout(timer);
}
