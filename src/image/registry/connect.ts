import { LibctError } from "../../errors.ts";
import type { Credentials } from "../credentials/types.ts";
import { type Certificates, certificateDirectories, readCertificates, secureContext } from "./certificates.ts";
import { createClient, type RegistryClient } from "./client.ts";
import type { Endpoint } from "./endpoints.ts";
import { discard, type HttpResponse, openWire, type Tls, type Wire } from "./http.ts";
import { isLoopback } from "./proxy.ts";
import { type Pause, pause } from "./retry.ts";

export interface RegistryOptions {
  /** Certificates are not checked, and a registry without TLS is no error. Default: only one on this machine may do without TLS. */
  readonly insecure?: boolean | undefined;
  /** A directory with *.crt of authorities to trust, and *.cert and *.key of the client. */
  readonly certificates?: string | undefined;
  /** Default: those that `ct login` or `docker login` keeps. */
  readonly credentials?:
    | Credentials
    | ((endpoint: { readonly domain: string; readonly repository: string }) => Promise<Credentials | undefined>)
    | undefined;
  /** Another file than those of docker and podman, for credentials. */
  readonly authFile?: string | undefined;
  /** Uploads go in pieces of so many bytes. Default: in one, unless the registry refuses that. */
  readonly chunkSize?: number | undefined;
  /** Default: process.env */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Milliseconds in which nothing comes before a connection counts as broken. Default: a minute */
  readonly patience?: number | undefined;
  /** How to wait before another try. */
  readonly pause?: Pause | undefined;
}

const PATIENCE = 60_000;

/** A registry, as far as it is known how to talk to it. */
export interface Connection {
  readonly client: RegistryClient;
  readonly pause: Pause;
  close(): void;
}

/** Finds out how the registry of an endpoint is talked to. Nothing is sent unless it is not clear whether it speaks TLS. */
export async function connect(endpoint: Endpoint, options: RegistryOptions): Promise<Connection> {
  const { env = process.env, patience = PATIENCE } = options;
  const insecure = options.insecure ?? endpoint.insecure;
  const own = readCertificates(
    options.certificates === undefined ? certificateDirectories(endpoint.host, env) : [options.certificates],
  );
  const none: Certificates = { authorities: [], client: [] };
  const contexts = new Map<string, Tls>();
  /** A host's own certificates are for no other: not for a proxy, nor for a storage that it redirects to. */
  const tls = (url: URL): Tls => {
    const certificates = url.host === endpoint.host ? own : none;
    const verify = !(insecure && url.host === endpoint.host);
    const found = contexts.get(url.host) ?? { context: secureContext(certificates, verify, env), verify };
    contexts.set(url.host, found);
    return found;
  };
  const wire = openWire({ tls, env, patience });
  const base = await baseOf(endpoint.host, insecure, own.authorities.length > 0, wire, patience).catch(
    (error: unknown) => {
      wire.close();
      throw error;
    },
  );
  const credentials = () => credentialsFor(endpoint, options);
  const wait = options.pause ?? pause;
  const client = createClient({ base, insecure, wire, patience, pause: wait, credentials });
  return { client, pause: wait, close: () => wire.close() };
}

async function baseOf(
  host: string,
  insecure: boolean,
  hasAuthority: boolean,
  wire: Wire,
  patience: number,
): Promise<URL> {
  const [secure, plain] = [new URL(`https://${host}`), new URL(`http://${host}`)];
  // Docker talks to a registry on this machine without TLS, too: nobody else can listen there.
  if (isLoopback(secure.hostname)) {
    if (hasAuthority && !insecure) return secure;
    return (await speaksHttp(plain, wire, patience)) ? plain : secure;
  }
  if (!insecure) return secure;
  try {
    await ping(secure, wire, patience);
    return secure;
  } catch (error) {
    if (await speaksHttp(plain, wire, patience)) return plain;
    throw error;
  }
}

/** Whether a registry answers there without TLS. A server of TLS says 400 to who speaks without, or sends him away. */
async function speaksHttp(base: URL, wire: Wire, patience: number): Promise<boolean> {
  try {
    const { status, headers } = await ping(base, wire, patience);
    return status !== 400 && !headers.location?.startsWith("https:");
  } catch (error) {
    if (error instanceof LibctError && error.errno === "ECONNREFUSED") throw error;
    return false;
  }
}

async function ping(base: URL, wire: Wire, patience: number): Promise<HttpResponse> {
  const response = await wire.send({ method: "GET", url: new URL("/v2/", base) });
  await discard(response, patience);
  return response;
}

async function credentialsFor(
  endpoint: Endpoint,
  { credentials, env = process.env, authFile }: RegistryOptions,
): Promise<Credentials | undefined> {
  if (typeof credentials === "function") return credentials(endpoint);
  if (credentials) return credentials;
  const { findCredentials } = await import("../credentials/find.ts");
  return findCredentials(endpoint, { env, authFile });
}
