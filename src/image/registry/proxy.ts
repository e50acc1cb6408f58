import { isIP } from "node:net";
import { LibctError } from "../../errors.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The proxy that requests to `url` go through by HTTPS_PROXY, HTTP_PROXY and NO_PROXY, in capitals or not, as curl(1) and Go's net/http read them. */
export function proxyFor(url: URL, env: Environment): URL | undefined {
  if (isLoopback(url.hostname)) return undefined;
  // A CGI program has HTTP_PROXY from the request's header "Proxy" (CVE-2016-5385).
  const http = env.http_proxy ?? (env.REQUEST_METHOD === undefined ? env.HTTP_PROXY : undefined);
  const given = url.protocol === "https:" ? (env.https_proxy ?? env.HTTPS_PROXY) : http;
  if (given === undefined || given === "" || isExcepted(url, env.no_proxy ?? env.NO_PROXY ?? "")) return undefined;
  return readProxy(given);
}

function readProxy(given: string): URL {
  const text = given.includes("://") ? given : `http://${given}`;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (proxy?.protocol === "http:" || proxy?.protocol === "https:") return proxy;
  // It may hold a password, so it is not shown.
  throw new LibctError(
    "ERR_CT_NOT_SUPPORTED",
    "the proxy of the environment cannot be used: it is no http:// or https:// URL",
    {
      hint: "HTTPS_PROXY and HTTP_PROXY take http://[USER:PASSWORD@]HOST:PORT; SOCKS is not supported",
    },
  );
}

/** The whole of 127.0.0.0/8 and ::1 are this machine. */
export const isLoopback = (hostname: string): boolean =>
  hostname === "localhost" || hostname === "[::1]" || (isIP(hostname) === 4 && hostname.startsWith("127."));

/** NO_PROXY: hosts with their subdomains, addresses, networks, each perhaps with a port, or "*". */
function isExcepted(url: URL, list: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return list
    .split(/[\s,]+/)
    .filter((item) => item !== "")
    .some((item) => {
      if (item === "*") return true;
      const [, name = item, ofPort] = /^(\[.+\]|[^:]+):(\d+)$/.exec(item) ?? [];
      if (ofPort !== undefined && ofPort !== port) return false;
      return matchesHost(host, name.replace(/^\[|\]$/g, "").toLowerCase());
    });
}

function matchesHost(host: string, name: string): boolean {
  const [network = "", bits] = name.split("/");
  if (bits !== undefined) return isIP(host) === 4 && isIP(network) === 4 && inNetwork(host, network, Number(bits));
  if (isIP(host) !== 0) return host === name;
  const plain = name.replace(/^\*?\./, "");
  return host === plain || host.endsWith(`.${plain}`);
}

function inNetwork(address: string, network: string, bits: number): boolean {
  const number = (text: string) => text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - bits);
  return Math.floor(number(address) / size) === Math.floor(number(network) / size);
}

/** Of a URL's user and password, for Authorization and Proxy-Authorization (RFC 7617). */
export const basicOf = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
