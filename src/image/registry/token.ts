import { LibctError } from "../../errors.ts";
import type { Credentials } from "../credentials/types.ts";
import type { Challenge } from "./challenge.ts";
import type { HttpRequest } from "./http.ts";
import { basicOf } from "./proxy.ts";

export interface Token {
  readonly header: string;
  /** Milliseconds since the epoch; it is not used any more then. */
  readonly expires: number;
}

/** distribution, spec/auth/token.md: a token without expires_in is good for a minute. */
const LIFETIME = 60;
/** Seconds before its end in which a token is not used any more: the clocks differ, and the way takes time. */
const MARGIN = 10;

/** Where the registry's tokens are given out. A registry with TLS must not send one's password over a connection without. */
export function realmOf({ parameters }: Challenge, registry: URL, insecure: boolean): URL {
  const text = parameters.realm ?? "";
  const realm = URL.canParse(text) ? new URL(text) : undefined;
  if (realm?.protocol === "https:") return realm;
  if (realm?.protocol === "http:" && (registry.protocol === "http:" || insecure)) return realm;
  const shown = JSON.stringify(text.slice(0, 200));
  throw new LibctError(
    "ERR_CT_REGISTRY",
    `${registry.host} sends clients to ${shown} for tokens, which is not asked: expected an https:// URL`,
  );
}

/** The request for a token: with an identity token as OAuth2 has it, else with the password or without anything (spec/auth/oauth.md, spec/auth/token.md). */
export function tokenRequest(
  realm: URL,
  service: string | undefined,
  scopes: readonly string[],
  credentials: Credentials | undefined,
): HttpRequest {
  const ofService: readonly [string, string][] = service === undefined ? [] : [["service", service]];
  if (credentials && "identityToken" in credentials) {
    const form = new URLSearchParams([
      ["grant_type", "refresh_token"],
      ["refresh_token", credentials.identityToken],
      ["client_id", "libct"],
      ...ofService,
      ["scope", scopes.join(" ")],
    ]);
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    return { method: "POST", url: realm, headers, body: Buffer.from(form.toString()) };
  }
  const url = new URL(realm);
  for (const [name, value] of ofService) url.searchParams.append(name, value);
  for (const scope of scopes) url.searchParams.append("scope", scope);
  if (!credentials || !("username" in credentials)) return { method: "GET", url };
  url.searchParams.append("account", credentials.username);
  return { method: "GET", url, headers: { authorization: basicOf(credentials.username, credentials.password) } };
}

/** Reads a token server's answer. */
export function readToken(body: Uint8Array, realm: URL, now: number): Token {
  const { token, access_token, expires_in } = parse(body, realm);
  const given = typeof token === "string" && token !== "" ? token : access_token;
  // RFC 6750, 2.1; anything else could not stand in a header.
  if (typeof given !== "string" || !/^[\x21-\x7e]+$/.test(given)) throw noToken(realm);
  const seconds = typeof expires_in === "number" && expires_in > 0 ? expires_in : LIFETIME;
  return { header: `Bearer ${given}`, expires: now + Math.max(1, seconds - MARGIN) * 1000 };
}

function parse(body: Uint8Array, realm: URL): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString("utf8"));
    if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw noToken(realm, cause);
  }
  throw noToken(realm);
}

const noToken = (realm: URL, cause?: unknown) =>
  new LibctError("ERR_CT_REGISTRY", `${realm.origin} gave no token`, { cause });
