import { LibctError } from "../../errors.ts";
import type { Credentials } from "../credentials/types.ts";
import { explain, LONGEST_EXPLANATION } from "./answer.ts";
import { type Authorizer, createAuthorizer } from "./authorizer.ts";
import { isPassing } from "./failure.ts";
import { discard, type HttpRequest, type HttpResponse, readSome, type Wire } from "./http.ts";
import { backOff, isPassingStatus, LONGEST_WAIT, type Pause, retryAfter, TRIES } from "./retry.ts";

/** A request to a registry. */
export interface Ask {
  readonly method: HttpRequest["method"];
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** What can be sent once only is not tried again. */
  readonly body?: HttpRequest["body"];
  /** "repository:library/alpine:pull" */
  readonly scopes: readonly string[];
  /** Statuses that are no error. */
  readonly accept: readonly number[];
  /** For messages: what is asked for. */
  readonly what: string;
  readonly signal?: AbortSignal | undefined;
}

/** Asks one registry: with authorization, through redirects, again when it makes sense. */
export interface RegistryClient {
  /** "https://registry-1.docker.io" */
  readonly base: URL;
  readonly patience: number;
  ask(ask: Ask): Promise<HttpResponse>;
}

export interface ClientOptions {
  readonly base: URL;
  /** Certificates are not checked, and no TLS is no error. */
  readonly insecure: boolean;
  readonly wire: Wire;
  readonly pause: Pause;
  readonly patience: number;
  readonly credentials: () => Promise<Credentials | undefined>;
}

const MOST_REDIRECTS = 10;
/** Tokens with many claims have some kilobytes. */
const LARGEST_TOKEN = 1024 * 1024;

export function createClient(options: ClientOptions): RegistryClient {
  const { base, patience } = options;
  const authorizer = createAuthorizer({
    registry: base,
    insecure: options.insecure,
    credentials: options.credentials,
    send: async (request) => {
      const what = `a token for ${base.host}`;
      const response = await persist({ ...request, scopes: [], accept: [200], what }, options, undefined);
      return readSome(response, LARGEST_TOKEN, patience, request.signal);
    },
  });
  return { base, patience, ask: (ask) => persist(ask, options, authorizer) };
}

/** Tries until there is an answer that is worth having. */
async function persist(ask: Ask, options: ClientOptions, authorizer: Authorizer | undefined): Promise<HttpResponse> {
  const once = ask.body !== undefined && !(ask.body instanceof Uint8Array);
  for (let tries = 1; ; tries++) {
    const last = once || tries === TRIES;
    let response: HttpResponse;
    try {
      response = await authorized(ask, options, authorizer);
    } catch (error) {
      if (last || !isPassing(error)) throw error;
      await options.pause(backOff(tries), ask.signal);
      continue;
    }
    const { status, headers } = response;
    if (ask.accept.includes(status)) return response;
    const wait = retryAfter(headers["retry-after"], Date.now()) ?? backOff(status === 429 ? tries + 2 : tries);
    if (last || !isPassingStatus(status) || wait > LONGEST_WAIT) throw await explained(ask, response, options.patience);
    await discard(response, options.patience);
    await options.pause(wait, ask.signal);
  }
}

async function explained({ what, signal }: Ask, response: HttpResponse, patience: number): Promise<LibctError> {
  const { status, headers } = response;
  const body = await readSome(response, LONGEST_EXPLANATION, patience, signal).catch(() => new Uint8Array());
  return explain(what, { status, headers, body });
}

async function authorized(ask: Ask, options: ClientOptions, authorizer: Authorizer | undefined): Promise<HttpResponse> {
  // An upload's place on another host carries its own leave in the URL.
  const ours = authorizer && ask.url.origin === options.base.origin ? authorizer : undefined;
  const used = await ours?.header(ask.scopes, ask.signal);
  const response = await follow(ask, used, options);
  if (response.status !== 401 || !ours || response.url.origin !== options.base.origin) return response;
  // Once: who says 401 to what he has asked for would do so for ever.
  await ours.learn(response.headers, ask.scopes, used);
  if (ask.body !== undefined && !(ask.body instanceof Uint8Array)) return response;
  await discard(response, options.patience);
  return follow(ask, await ours.header(ask.scopes, ask.signal), options);
}

/** Follows redirects of reading requests. The authorization stays with the host that it is for. */
async function follow(ask: Ask, authorization: string | undefined, options: ClientOptions): Promise<HttpResponse> {
  const { method, headers, body, signal } = ask;
  let url = ask.url;
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    const same = url.origin === ask.url.origin;
    const all = {
      ...headers,
      "user-agent": "libct",
      ...(same && authorization !== undefined && { authorization }),
      ...(!same && { authorization: undefined }),
    };
    const known = Object.fromEntries(
      Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
    );
    const response = await options.wire.send({ method, url, headers: known, body, signal });
    if (![301, 302, 303, 307, 308].includes(response.status) || (method !== "GET" && method !== "HEAD"))
      return response;
    const next = redirectOf(response, options.insecure);
    await discard(response, options.patience);
    url = next;
  }
  throw new LibctError(
    "ERR_CT_REGISTRY",
    `${ask.what}: more than ${MOST_REDIRECTS} redirects, the last to ${url.origin}`,
  );
}

function redirectOf({ headers, url, status }: HttpResponse, insecure: boolean): URL {
  const { location = "" } = headers;
  if (!URL.canParse(location, url.href)) {
    throw new LibctError("ERR_CT_REGISTRY", `${url.origin} answered ${status} without a place to go to`);
  }
  const next = new URL(location, url);
  const allowed = next.protocol === "https:" || (next.protocol === "http:" && (url.protocol === "http:" || insecure));
  if (allowed) return next;
  throw new LibctError(
    "ERR_CT_REGISTRY",
    `${url.origin} redirects from TLS to ${next.protocol}//${next.host}, which is not followed`,
  );
}
