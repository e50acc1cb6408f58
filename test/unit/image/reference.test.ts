import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LibctError } from "../../../src/errors.ts";
import { familiarName, formatReference, parseReference } from "../../../src/image/reference.ts";

const HEX = "0123456789abcdef".repeat(4);

describe("a reference", () => {
  it.each([
    ["alpine", "docker.io/library/alpine:latest", "alpine:latest"],
    ["alpine:3.20", "docker.io/library/alpine:3.20", "alpine:3.20"],
    ["library/alpine", "docker.io/library/alpine:latest", "alpine:latest"],
    ["docker.io/alpine", "docker.io/library/alpine:latest", "alpine:latest"],
    ["index.docker.io/library/alpine", "docker.io/library/alpine:latest", "alpine:latest"],
    ["team/app", "docker.io/team/app:latest", "team/app:latest"],
    ["library/team/app", "docker.io/library/team/app:latest", "library/team/app:latest"],
    ["localhost/app", "localhost/app:latest", "localhost/app:latest"],
    ["localhost:5000/app", "localhost:5000/app:latest", "localhost:5000/app:latest"],
    ["LOCALHOST/app", "LOCALHOST/app:latest", "LOCALHOST/app:latest"],
    ["Registry/app", "Registry/app:latest", "Registry/app:latest"],
    ["[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest"],
    ["127.0.0.1:80/a/b/c:T_1.-x", "127.0.0.1:80/a/b/c:T_1.-x", "127.0.0.1:80/a/b/c:T_1.-x"],
    [`alpine@sha256:${HEX}`, `docker.io/library/alpine@sha256:${HEX}`, `alpine@sha256:${HEX}`],
    [`r.io/a:b@sha512:${HEX}${HEX}`, `r.io/a:b@sha512:${HEX}${HEX}`, `r.io/a:b@sha512:${HEX}${HEX}`],
    ["a__b/c---d.e_f", "docker.io/a__b/c---d.e_f:latest", "a__b/c---d.e_f:latest"],
  ])("%s is %s", (text, full, short) => {
    const reference = parseReference(text);
    expect(formatReference(reference)).toBe(full);
    expect(familiarName(reference)).toBe(short);
    expect(parseReference(full)).toEqual(reference);
    expect(parseReference(short)).toEqual(reference);
  });

  it.each([
    ["", "it is empty"],
    [HEX, "an image's id, not a name"],
    ["docker.io/Alpine", "in lower case"],
    ["alpine:", "a tag has up to 128"],
    ["alpine:-x", "a tag has up to 128"],
    [`alpine:${"x".repeat(129)}`, "a tag has up to 128"],
    ["alpine@sha256:abc", "a digest is expected"],
    [`alpine@md5:${HEX}`, "a digest is expected"],
    [`alpine@sha256:${HEX.toUpperCase()}`, "a digest is expected"],
    ["a//b", "the parts of a repository's name"],
    ["a___b", "the parts of a repository's name"],
    ["r.io/", "the parts of a repository's name"],
    ["r.io/../etc/passwd", "the parts of a repository's name"],
    ["-r.io/app", "is no host name"],
    ["r.io:port/app", "is no host name"],
    ["user@r.io/app", "a digest is expected"],
    ["http://r.io/app", "is no host name"],
    [`a/${"b".repeat(254)}`, "at most 255 characters"],
    ["x".repeat(2000), "longer than 1024"],
    ["alpine\n", "the parts of a repository's name"],
  ])("%j is refused", (text, message) => {
    expect(() => parseReference(text)).toThrow(message);
  });

  it("is read or refused with an error of libct's, whatever the text, and quickly", () => {
    const hostile = fc.stringMatching(/^[a-zA-Z0-9./:@_\-[\]]{0,300}$/);
    fc.assert(
      fc.property(fc.oneof(fc.string(), hostile), (text) => {
        try {
          const reference = parseReference(text);
          expect(parseReference(formatReference(reference))).toEqual(reference);
        } catch (error) {
          expect(error).toBeInstanceOf(LibctError);
        }
      }),
    );
  });
});
