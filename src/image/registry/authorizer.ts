import type { IncomingHttpHeaders } from "node:http";
import type { Credentials } from "../credentials/types.ts";
import { unauthorized } from "./answer.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import type { HttpRequest } from "./http.ts";
import { basicOf } from "./proxy.ts";
import { readToken, realmOf, type Token, tokenRequest } from "./token.ts";

type Signal = AbortSignal | undefined;

/** Knows what a registry wants to see of who asks. */
export interface Authorizer {
  /** The Authorization of a request, as far as it is known what is wanted. */
  header(scopes: readonly string[], signal?: AbortSignal): Promise<string | undefined>;
  /** Learns from the answer 401 to a request with the Authorization `used`, so that `header` gives another one; throws when there is nothing else to try. */
  learn(headers: IncomingHttpHeaders, scopes: readonly string[], used: string | undefined): Promise<void>;
}

export interface AuthorizerOptions {
  readonly registry: URL;
  readonly insecure: boolean;
  /** Asked once, when they are needed. */
  readonly credentials: () => Promise<Credentials | undefined>;
  /** Sends a request to a token server, and gives the body of its answer. */
  readonly send: (request: HttpRequest) => Promise<Uint8Array>;
}

interface Bearer {
  readonly scheme: "bearer";
  readonly realm: URL;
  readonly service: string | undefined;
}

export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  let wanted: Bearer | { readonly scheme: "basic" } | undefined;
  let known: Promise<Credentials | undefined> | undefined;
  const credentials = () => {
    known ??= options.credentials();
    return known;
  };
  const tokens = createTokens({ ...options, credentials });
  return {
    async header(scopes, signal) {
      if (wanted?.scheme === "bearer") return tokens.get(wanted, scopes, signal);
      const given = wanted && (await credentials());
      return given && "username" in given ? basicOf(given.username, given.password) : undefined;
    },
    async learn(headers, scopes, used) {
      const challenges = parseChallenges(headers["www-authenticate"] ?? "");
      const bearer = challenges.find(({ scheme }) => scheme === "bearer");
      if (bearer) {
        tokens.forget(scopes, used);
        const realm = realmOf(bearer, options.registry, options.insecure);
        wanted = { scheme: "bearer", realm, service: bearer.parameters.service };
        return;
      }
      requireBasic(challenges, await credentials(), options.registry);
      wanted = { scheme: "basic" };
    },
  };
}

function requireBasic(challenges: readonly Challenge[], given: Credentials | undefined, { host }: URL): void {
  if (!challenges.some(({ scheme }) => scheme === "basic")) {
    const known = challenges.map(({ scheme }) => scheme).join(", ");
    throw unauthorized(host, known === "" ? "status 401" : `it wants ${known}, which libct does not speak`);
  }
  if (given && "username" in given) return;
  throw unauthorized(host, "it wants a user and a password", `\`ct login ${host}\` keeps them`);
}

interface Kept {
  readonly token: Promise<Token>;
  /** When it is there. */
  header?: string;
}

/** Tokens by what they are for. */
function createTokens(options: Pick<AuthorizerOptions, "credentials" | "send">) {
  const all = new Map<string, Kept>();
  const keyOf = (scopes: readonly string[]) => [...scopes].sort().join(" ");
  const ask = (bearer: Bearer, scopes: readonly string[], signal: Signal): Kept => {
    const kept: Kept = { token: fetchToken(options, bearer, scopes, signal) };
    all.set(keyOf(scopes), kept);
    const drop = () => {
      if (all.get(keyOf(scopes)) === kept) all.delete(keyOf(scopes));
    };
    kept.token.then(({ header }) => {
      kept.header = header;
    }, drop);
    return kept;
  };
  return {
    /** As a header. Of several requests at once only the first asks for a token. */
    async get(bearer: Bearer, scopes: readonly string[], signal: Signal): Promise<string> {
      for (let kept = all.get(keyOf(scopes)); ; kept = all.get(keyOf(scopes))) {
        const used = kept ?? ask(bearer, scopes, signal);
        const { header, expires } = await used.token;
        if (expires > Date.now()) return header;
        if (all.get(keyOf(scopes)) === used) all.delete(keyOf(scopes));
      }
    },
    /** Only the one that was of no use: another request may have got a new one. */
    forget(scopes: readonly string[], used: string | undefined): void {
      if (used !== undefined && all.get(keyOf(scopes))?.header === used) all.delete(keyOf(scopes));
    },
  };
}

async function fetchToken(
  { credentials, send }: Pick<AuthorizerOptions, "credentials" | "send">,
  { realm, service }: Bearer,
  scopes: readonly string[],
  signal: Signal,
): Promise<Token> {
  const given = await credentials();
  if (given && "registryToken" in given) {
    return { header: `Bearer ${given.registryToken}`, expires: Number.POSITIVE_INFINITY };
  }
  return readToken(await send({ ...tokenRequest(realm, service, scopes, given), signal }), realm, Date.now());
}
