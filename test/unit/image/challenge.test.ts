import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { explain } from "../../../src/image/registry/answer.ts";
import { parseChallenges } from "../../../src/image/registry/challenge.ts";
import { backOff, retryAfter } from "../../../src/image/registry/retry.ts";

describe("a challenge", () => {
  it.each([
    [
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull,push"',
      [
        {
          scheme: "bearer",
          parameters: {
            realm: "https://auth.docker.io/token",
            service: "registry.docker.io",
            scope: "repository:library/alpine:pull,push",
          },
        },
      ],
    ],
    ["Basic realm=plain", [{ scheme: "basic", parameters: { realm: "plain" } }]],
    ['BEARER Realm = "a\\"b" , x=1', [{ scheme: "bearer", parameters: { realm: 'a"b', x: "1" } }]],
    [
      'Negotiate, Basic realm="x", Bearer realm="y"',
      [
        { scheme: "negotiate", parameters: {} },
        { scheme: "basic", parameters: { realm: "x" } },
        { scheme: "bearer", parameters: { realm: "y" } },
      ],
    ],
    ["", []],
    ['Bearer realm="never closed', [{ scheme: "bearer", parameters: { realm: "" } }]],
  ])("%s is read", (header, expected) => {
    expect(
      parseChallenges(header).map(({ scheme, parameters }) => ({ scheme, parameters: { ...parameters } })),
    ).toEqual(expected);
  });

  it("has no members that nobody has sent", () => {
    const [challenge] = parseChallenges('Bearer __proto__="x", constructor="y"');
    expect(challenge?.parameters.realm).toBeUndefined();
    expect(challenge?.parameters.toString).toBeUndefined();
    expect(Object.keys(challenge?.parameters ?? {})).toEqual(["__proto__", "constructor"]);
  });

  it("is read to an end whatever it is, and there are never many", () => {
    const text = fc.oneof(fc.string({ maxLength: 2000 }), fc.stringMatching(/^[ ,="\\a]{0,2000}$/));
    fc.assert(
      fc.property(text, (header) => {
        expect(parseChallenges(header).length).toBeLessThan(20);
      }),
    );
    for (const part of ["a ", 'a="', "a=\\", ",,", "=", '"']) parseChallenges(part.repeat(20_000));
  });
});

describe("the wait before another try", () => {
  it("doubles, up to ten seconds, and is not the same for all", () => {
    expect([1, 2, 3, 9].map((tries) => backOff(tries, () => 1))).toEqual([400, 800, 1600, 10_000]);
    expect([1, 2, 3, 9].map((tries) => backOff(tries, () => 0))).toEqual([200, 400, 800, 5000]);
  });

  it.each([
    ["7", 7000],
    [" 0 ", 0],
    ["Fri, 27 Nov 2026 20:00:10 GMT", 10_000],
    ["Fri, 27 Nov 2026 19:00:00 GMT", 0],
    ["soon", undefined],
    [undefined, undefined],
  ])("is what %j says", (header, expected) => {
    expect(retryAfter(header, Date.UTC(2026, 10, 27, 20, 0, 0))).toBe(expected);
  });
});

describe("an answer that is an error", () => {
  const answer = (status: number, body: string, headers = {}) =>
    explain("r.io/app", { status, headers, body: Buffer.from(body) });

  it.each([
    [
      401,
      '{"errors":[{"code":"UNAUTHORIZED","message":"authentication required","detail":null}]}',
      "ERR_CT_UNAUTHORIZED",
      "UNAUTHORIZED: authentication required (status 401)",
    ],
    [403, '{"errors":[{"code":"DENIED"}]}', "ERR_CT_UNAUTHORIZED", "DENIED (status 403)"],
    [404, "<html>not found</html>", "ERR_CT_NO_SUCH_IMAGE", "status 404"],
    [
      401,
      '{"details":"incorrect username or password"}',
      "ERR_CT_UNAUTHORIZED",
      "incorrect username or password (status 401)",
    ],
    [502, "", "ERR_CT_REGISTRY", "status 502; hint: the trouble is the registry's"],
    [413, "", "ERR_CT_REGISTRY", "client_max_body_size"],
    [429, "", "ERR_CT_REGISTRY", "too many requests: status 429; hint: try again later"],
    [418, `{"errors":[{"code":"X","message":"${"y".repeat(1000)}"}]}`, "ERR_CT_REGISTRY", `${"y".repeat(200)}`],
    [500, '{"errors":"no list"}', "ERR_CT_REGISTRY", "status 500"],
    [500, "null", "ERR_CT_REGISTRY", "status 500"],
  ])("%i with %s is explained", (status, body, code, message) => {
    const error = answer(status, body);
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
    expect(error.message.length).toBeLessThan(600);
  });
});
