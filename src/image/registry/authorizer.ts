import type { IncomingHttpHeaders } from "node:http";
import type { Credentials } from "../credentials/types.ts";
import { unauthorized } from "./answer.ts";
import { parseChallenges } from "./challenge.ts";
import type { HttpRequest } from "./http.ts";
import { basicOf } from "./proxy.ts";
import { readToken, realmOf, type Token, tokenRequest } from "./token.ts";

/** Knows what a registry wants to see of who asks. */
export interface Authorizer {
  /** The Authorization of a request, as far as it is known what is wanted. */
  header(scopes: readonly string[], signal?: AbortSignal): Promise<string | undefined>;
  /** Learns from an answer 401, so that `header` gives another one; throws when there is nothing else to try. */
  learn(headers: IncomingHttpHeaders, scopes: readonly string[], signal?: AbortSignal): Promise<void>;
}

export interface AuthorizerOptions {
  readonly registry: URL;
  readonly insecure: boolean;
  /** Asked once, when they are needed. */
  readonly credentials: () => Promise<Credentials | undefined>;
  /** Sends a request to a token server, and gives the body of its answer. */
  readonly send: (request: HttpRequest) => Promise<Uint8Array>;
}

type Wanted =
  | { readonly scheme: "basic" }
  | { readonly scheme: "bearer"; readonly realm: URL; readonly service: string | undefined };

export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const { registry, insecure, send } = options;
  const tokens = new Map<string, Promise<Token>>();
  let wanted: Wanted | undefined;
  let known: Promise<Credentials | undefined> | undefined;
  const credentials = () => {
    known ??= options.credentials();
    return known;
  };
  const keyOf = (scopes: readonly string[]) => [...scopes].sort().join(" ");

  async function fetchToken(
    { realm, service }: Extract<Wanted, { scheme: "bearer" }>,
    scopes: readonly string[],
    signal?: AbortSignal,
  ): Promise<Token> {
    const given = await credentials();
    if (given && "registryToken" in given) {
      return { header: `Bearer ${given.registryToken}`, expires: Number.POSITIVE_INFINITY };
    }
    return readToken(await send({ ...tokenRequest(realm, service, scopes, given), signal }), realm, Date.now());
  }

  /** Of several requests at once only the first asks for a token. */
  async function tokenFor(
    how: Extract<Wanted, { scheme: "bearer" }>,
    scopes: readonly string[],
    signal?: AbortSignal,
  ): Promise<Token> {
    const key = keyOf(scopes);
    const kept = await tokens.get(key)?.catch(() => undefined);
    if (kept && kept.expires > Date.now()) return kept;
    const fresh = fetchToken(how, scopes, signal);
    tokens.set(key, fresh);
    fresh.catch(() => tokens.delete(key));
    return fresh;
  }

  return {
    async header(scopes, signal) {
      if (!wanted) return undefined;
      if (wanted.scheme === "bearer") return (await tokenFor(wanted, scopes, signal)).header;
      const given = await credentials();
      return given && "username" in given ? basicOf(given.username, given.password) : undefined;
    },
    async learn(headers, scopes) {
      const challenges = parseChallenges(headers["www-authenticate"] ?? "");
      const bearer = challenges.find(({ scheme }) => scheme === "bearer");
      const basic = challenges.find(({ scheme }) => scheme === "basic");
      if (bearer) {
        tokens.delete(keyOf(scopes));
        wanted = { scheme: "bearer", realm: realmOf(bearer, registry, insecure), service: bearer.parameters.service };
        return;
      }
      if (!basic) {
        const known = challenges.map(({ scheme }) => scheme).join(", ");
        throw unauthorized(
          registry.host,
          known === "" ? "status 401" : `it wants ${known}, which libct does not speak`,
        );
      }
      const given = await credentials();
      if (!given || !("username" in given)) {
        throw unauthorized(registry.host, "it wants a user and a password", `\`ct login ${registry.host}\` keeps them`);
      }
      wanted = { scheme: "basic" };
    },
  };
}
