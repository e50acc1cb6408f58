import { type IncomingMessage, request as plainRequest, type RequestOptions } from "node:http";
import { request as tlsRequest } from "node:https";
import type { Socket } from "node:net";
import { connect } from "node:tls";
import { LibctError } from "../../errors.ts";
import { aborted } from "../abort.ts";
import { failure, idle } from "./failure.ts";
import type { Tls, WireOptions } from "./http.ts";
import { basicOf } from "./proxy.ts";

/** What a request has beside its own when it goes through a proxy. */
export interface Detour extends RequestOptions {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The way through the proxy, to be closed when nothing is sent. */
  readonly tunnel?: Socket;
}

/** A proxy sees requests without TLS, and passes the bytes of the others on (RFC 9112, 3.2.2; RFC 9110, CONNECT). */
export async function throughProxy(
  url: URL,
  proxy: URL,
  { context, verify }: Tls,
  options: WireOptions,
  signal: AbortSignal | undefined,
): Promise<Detour> {
  const { hostname, port, protocol } = proxy;
  if (url.protocol === "http:") {
    if (protocol === "https:") {
      throw new LibctError(
        "ERR_CT_NOT_SUPPORTED",
        `a registry without TLS is not asked through a proxy with it (${proxy.host})`,
      );
    }
    return { hostname, port: port || 80, path: url.href, headers: { host: url.host, ...proxyAuthorization(proxy) } };
  }
  const socket = await openTunnel(url, proxy, options, signal);
  const servername = url.hostname.replace(/^\[|\]$/g, "");
  // Without `agent`: one that is false makes an agent, which would open a connection of its own.
  const createConnection = () => connect({ socket, servername, secureContext: context, rejectUnauthorized: verify });
  return { path: url.pathname + url.search, createConnection, tunnel: socket };
}

function openTunnel(
  url: URL,
  proxy: URL,
  { patience, tls }: WireOptions,
  signal: AbortSignal | undefined,
): Promise<Socket> {
  const target = `${url.hostname}:${url.port || 443}`;
  const secure = proxy.protocol === "https:";
  const { context, verify } = tls(proxy);
  const what = `a connection through the proxy ${proxy.host}`;
  if (signal?.aborted) return Promise.reject(aborted(signal, what));
  return new Promise((resolve, reject) => {
    const request = (secure ? tlsRequest : plainRequest)({
      hostname: proxy.hostname,
      port: proxy.port || (secure ? 443 : 80),
      method: "CONNECT",
      path: target,
      agent: false,
      headers: { host: target, ...proxyAuthorization(proxy) },
      ...(secure && { secureContext: context, rejectUnauthorized: verify }),
    });
    const timer = setTimeout(() => request.destroy(idle(proxy, patience)), patience);
    const abort = (): void => void request.destroy(new Error("aborted"));
    signal?.addEventListener("abort", abort, { once: true });
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
    request.once("connect", (response: IncomingMessage, socket: Socket) => {
      settle();
      if (response.statusCode === 200) return resolve(socket);
      socket.destroy();
      reject(refused(proxy, target, response.statusCode));
    });
    request.once("response", (response) => {
      settle();
      response.destroy();
      reject(refused(proxy, target, response.statusCode));
    });
    request.once("error", (error) => {
      settle();
      reject(signal?.aborted ? aborted(signal, what) : failure(proxy, error));
    });
    request.end();
  });
}

export function proxyAuthorization({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === "") return {};
  return { "proxy-authorization": basicOf(decodeURIComponent(username), decodeURIComponent(password)) };
}

const refused = (proxy: URL, target: string, status: number | undefined) =>
  new LibctError("ERR_CT_REGISTRY", `the proxy ${proxy.host} does not connect to ${target}: status ${status}`, {
    hint:
      status === 407
        ? "it wants credentials: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"
        : "it comes from the environment (HTTPS_PROXY); NO_PROXY lists hosts that need none",
  });
