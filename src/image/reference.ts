import { LibctError } from "../errors.ts";
import { isDigest } from "./digest.ts";
import type { Digest } from "./types.ts";

/** The name of an image in a registry, complete as Docker completes it: "alpine" is docker.io/library/alpine:latest. */
export interface ImageReference {
  /** Host and port: "docker.io", "localhost:5000", "[::1]:5000". */
  readonly domain: string;
  /** "library/alpine" */
  readonly repository: string;
  readonly tag?: string;
  /** Goes before the tag when there are both. */
  readonly digest?: Digest;
}

/** Of a name without a domain, and what it was called in earlier times. */
const DEFAULT_DOMAIN = "docker.io";
const LEGACY_DOMAIN = "index.docker.io";
/** Images of docker.io whose name has no slash. */
const OFFICIAL = "library/";
const DEFAULT_TAG = "latest";

// The grammar at the beginning of github.com/distribution/reference, reference.go.
const LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
const DOMAIN = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]{1,5})?$`);
const COMPONENT = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const LONGEST_REPOSITORY = 255;
/** Longer ones cannot be right, and are not worth the time of the checks. */
const LONGEST = 1024;

/** Reads a reference as Docker does. A name without tag and digest gets the tag "latest". */
export function parseReference(text: string): ImageReference {
  if (text === "") throw malformed(text, "it is empty");
  if (text.length > LONGEST) throw malformed(text, `it is longer than ${LONGEST} characters`);
  if (/^[a-f0-9]{64}$/.test(text)) throw malformed(text, "64 hexadecimal digits are an image's id, not a name");
  const [beforeDigest, digest] = splitAt(text, text.indexOf("@"));
  if (digest !== undefined && !isDigest(digest)) {
    throw malformed(text, 'after "@" a digest is expected, such as sha256: and 64 hexadecimal digits in lower case');
  }
  const colon = beforeDigest.lastIndexOf(":");
  // A colon before the last slash belongs to the port.
  const [name, tag] = splitAt(beforeDigest, colon > beforeDigest.lastIndexOf("/") ? colon : -1);
  if (tag !== undefined && !TAG.test(tag)) {
    throw malformed(text, "a tag has up to 128 letters, digits, and _ . - which are not its first");
  }
  const { domain, repository } = splitName(name);
  checkName(text, domain, repository);
  if (tag === undefined && digest === undefined) return { domain, repository, tag: DEFAULT_TAG };
  return { domain, repository, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

function splitAt(text: string, at: number): readonly [string, string | undefined] {
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** The first part is a domain if it cannot be anything else: with a dot, a port, capitals, or "localhost". */
function splitName(name: string): { readonly domain: string; readonly repository: string } {
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(0, slash));
  const isDomain = /[.:\]]/.test(first) || first === "localhost" || first.toLowerCase() !== first;
  const given = slash > 0 && isDomain ? first : DEFAULT_DOMAIN;
  const rest = slash > 0 && isDomain ? name.slice(slash + 1) : name;
  const domain = given === LEGACY_DOMAIN ? DEFAULT_DOMAIN : given;
  return { domain, repository: domain === DEFAULT_DOMAIN && !rest.includes("/") ? OFFICIAL + rest : rest };
}

function checkName(text: string, domain: string, repository: string): void {
  if (!DOMAIN.test(domain)) throw malformed(text, `${JSON.stringify(domain)} is no host name`);
  if (repository !== repository.toLowerCase()) throw malformed(text, "a repository's name is in lower case");
  if (repository.length > LONGEST_REPOSITORY) {
    throw malformed(text, `a repository's name has at most ${LONGEST_REPOSITORY} characters`);
  }
  if (!repository.split("/").every((part) => COMPONENT.test(part))) {
    throw malformed(text, "the parts of a repository's name are letters and digits with . _ - between them");
  }
}

function malformed(text: string, why: string): LibctError {
  const shown = text.length > 80 ? `${text.slice(0, 77)}...` : text;
  return new LibctError("ERR_CT_USAGE", `${JSON.stringify(shown)} does not name an image: ${why}`, {
    hint: "such as alpine, docker.io/library/alpine:3.20, localhost:5000/team/app@sha256:...",
  });
}

/** All of it: "docker.io/library/alpine:latest" */
export function formatReference({ domain, repository, tag, digest }: ImageReference): string {
  const [ofTag, ofDigest] = [tag === undefined ? "" : `:${tag}`, digest === undefined ? "" : `@${digest}`];
  return `${domain}/${repository}${ofTag}${ofDigest}`;
}

/** As short as Docker shows it: "alpine:latest" */
export function familiarName(reference: ImageReference): string {
  const full = formatReference(reference);
  if (reference.domain !== DEFAULT_DOMAIN) return full;
  const path = full.slice(DEFAULT_DOMAIN.length + 1);
  return reference.repository.split("/").length === 2 && path.startsWith(OFFICIAL) ? path.slice(OFFICIAL.length) : path;
}
