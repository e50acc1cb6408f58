import type { IncomingHttpHeaders } from "node:http";
import { LibctError } from "../../errors.ts";

/** What a registry says when it does not do what it was asked for. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** At most the beginning. */
  readonly body: Uint8Array;
}

/** So much of a body is read to explain an error. */
export const LONGEST_EXPLANATION = 16 * 1024;

/** An answer as an error; `what` says what was asked for, such as "docker.io/library/alpine:latest". */
export function explain(what: string, { status, headers, body }: Answer): LibctError {
  const said = saidIn(body);
  const words = said === "" ? `status ${status}` : `${said} (status ${status})`;
  if (status === 401)
    return unauthorized(what, words, "`ct login` keeps a user and a password for it; are they right?");
  if (status === 403)
    return unauthorized(what, words, "do these credentials have the right to it? `ct login` takes others");
  if (status === 404) {
    return new LibctError("ERR_CT_NO_SUCH_IMAGE", `${what}: the registry does not have it: ${words}`, {
      hint: "is the name right? A private one may only be seen after `ct login`",
    });
  }
  if (status === 429)
    return new LibctError("ERR_CT_REGISTRY", `${what}: ${limitOf(headers)}: ${words}`, { hint: limitHint(headers) });
  return new LibctError("ERR_CT_REGISTRY", `${what}: the registry answered: ${words}`, { hint: hintOf(status) });
}

export const unauthorized = (what: string, words: string, hint?: string): LibctError =>
  new LibctError("ERR_CT_UNAUTHORIZED", `${what}: the registry does not allow it: ${words}`, { hint });

function hintOf(status: number): string | undefined {
  if (status >= 500) return "the trouble is the registry's: try again later";
  if (status === 413)
    return "something between here and the registry limits the size of requests (client_max_body_size of nginx)";
  return undefined;
}

/** distribution-spec, "Error Codes": {"errors": [{code, message, detail}]}; token servers say {"details": ...} or {"message": ...}. */
function saidIn(body: Uint8Array): string {
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString("utf8"));
    const { errors, details, message, error_description } = value as Readonly<Record<string, unknown>>;
    const one = Array.isArray(errors) ? (errors[0] as Readonly<Record<string, unknown>> | undefined) : undefined;
    const words = one ? [one.code, one.message] : [details ?? error_description ?? message];
    return shorten(words.filter((word) => typeof word === "string" && word !== "").join(": "));
  } catch {
    return ""; // A proxy's page in HTML says nothing that the status does not.
  }
}

const shorten = (text: string): string => (text.length > 300 ? `${text.slice(0, 297)}...` : text);

/** "100;w=21600" is a hundred in six hours (docs.docker.com, "Docker Hub pull usage and limits"). */
function limitOf(headers: IncomingHttpHeaders): string {
  const [, count, seconds] = /^(\d+);w=(\d+)/.exec(String(headers["ratelimit-limit"] ?? "")) ?? [];
  if (count === undefined) return "too many requests";
  const left = /^\d+/.exec(String(headers["ratelimit-remaining"] ?? ""))?.[0];
  const hours = Number(seconds) / 3600;
  const time = hours >= 1 ? `${Math.round(hours * 10) / 10} hours` : `${Math.round(hours * 60)} minutes`;
  return `the limit of ${count} pulls in ${time} is reached${left === undefined ? "" : `, ${left} are left`}`;
}

function limitHint(headers: IncomingHttpHeaders): string {
  const wait = headers["retry-after"];
  const when = wait === undefined ? "try again later" : `the registry says to wait: Retry-After: ${shorten(wait)}`;
  return `${when}; a login (\`ct login\`) or a mirror (docs/registries.md) has a higher limit`;
}
