import { LibctError } from "../../errors.ts";

/** Errors of connections after which another try may go well. */
const PASSING: readonly string[] = [
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EAI_AGAIN",
  "ERR_STREAM_PREMATURE_CLOSE",
  "ECONNABORTED",
];

const HINTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nobody listens there: is the registry running, and is the port right?",
  ENOTFOUND: "there is no such host: is the name right?",
  EAI_AGAIN: "the name server does not answer: is there a network?",
  ENETUNREACH: "there is no route: is there a network?",
  EHOSTUNREACH: "there is no route: is there a network?",
};

/** What Node and Bun say of certificates that they do not accept (X509_V_ERR_* of OpenSSL). */
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)|HOSTNAME_MISMATCH|UNKNOWN_CA/;

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException | undefined)?.code ?? "";

/** An error of a connection as one of libct's. */
export function failure(url: URL, error: unknown): LibctError {
  if (error instanceof LibctError) return error;
  const code = codeOf(error);
  const said = error instanceof Error ? error.message.split("\n", 1)[0] : String(error);
  const what = CERTIFICATE.test(code)
    ? `the certificate of ${url.host} is not accepted`
    : `no answer from ${url.origin}`;
  return new LibctError("ERR_CT_REGISTRY", `${what}: ${said}`, {
    errno: code === "" ? undefined : code,
    hint: hintOf(code, url),
    cause: error,
  });
}

function hintOf(code: string, url: URL): string | undefined {
  if (CERTIFICATE.test(code)) {
    return `put the certificate of its authority into /etc/docker/certs.d/${url.host}/ca.crt, or trust nobody's word with --tls-verify=false`;
  }
  if (speaksNoTls(code)) return "does it speak TLS? --tls-verify=false allows a registry without";
  return HINTS[code];
}

/** What a TLS client says of a server that does not speak it. */
export const speaksNoTls = (code: string | undefined): boolean =>
  code !== undefined &&
  /^EPROTO$|^ERR_SSL|WRONG_VERSION|ERR_TLS_HANDSHAKE|^ERR_BORINGSSL/.test(code) &&
  !CERTIFICATE.test(code);

export const idle = (url: URL, milliseconds: number): LibctError =>
  new LibctError("ERR_CT_REGISTRY", `nothing came from ${url.host} for ${Math.round(milliseconds / 1000)} seconds`, {
    errno: "ETIMEDOUT",
  });

export const unreachable = (url: URL, milliseconds: number): LibctError =>
  new LibctError(
    "ERR_CT_REGISTRY",
    `there is no connection to ${url.host} after ${Math.round(milliseconds / 1000)} seconds`,
    {
      hint: "does a firewall drop what is sent there, or is a proxy needed (HTTPS_PROXY)?",
    },
  );

/** Whether another try may go well. */
export const isPassing = (error: unknown): boolean =>
  error instanceof LibctError &&
  error.code === "ERR_CT_REGISTRY" &&
  (PASSING.includes(error.errno ?? "") || /socket hang up|aborted|other side closed|terminated/i.test(error.message));
