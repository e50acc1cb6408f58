import { describe, expect, it } from "vitest";
import { LibctError } from "../../../src/errors.ts";
import { parseConfig, parseProcess, parseResources } from "../../../src/flavours/oci/index.ts";
import { configSchema } from "../../../src/flavours/oci/schema.ts";
import { parse } from "../../../src/spec/index.ts";
import { MEMBERS } from "./members.ts";
import { fixture, minimal } from "./support.ts";

/** No member of any kind may be this. */
const WRONG = Symbol("wrong");

/** `{ a: [{ b: value }] }` for "a[].b" */
const nested = (path: string, value: unknown): unknown =>
  [...path.matchAll(/[^.[\]]+|\[\]/g)].reduceRight<unknown>(
    (inner, [part]) => (part === "[]" ? [inner] : { [part]: inner }),
    value,
  );

function errorOf(act: () => unknown): LibctError {
  try {
    act();
  } catch (error) {
    if (error instanceof LibctError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("config.json", () => {
  it("has no member of the specification's that is not looked at", () => {
    for (const path of MEMBERS) {
      // A profile without a default action is none, whatever else it has.
      const inSeccomp = path.replace("linux.seccomp.", "");
      const input =
        inSeccomp === path
          ? nested(path, WRONG)
          : { linux: { seccomp: { defaultAction: "SCMP_ACT_ALLOW", ...(nested(inSeccomp, WRONG) as object) } } };
      const error = errorOf(() => parse(configSchema, input, "", true));
      expect(error.code).toBe("ERR_CT_INVALID_SPEC");
      expect(error.member).toBe(path.replaceAll("[]", "[0]").replaceAll(".*", '["*"]'));
    }
  });

  it("may have members that nobody knows, at any depth, and those of other platforms", () => {
    const config = minimal({
      "com.example": 1,
      windows: { layerFolders: [] },
      solaris: {},
      vm: { kernel: { path: "/k" } },
      zos: {},
      freebsd: {},
      process: { cwd: "/", args: ["true"], commandLine: "x", user: { username: "app" }, later: {} },
      linux: { namespaces: [{ type: "mount", later: true }], later: [] },
    });
    expect(config).toEqual(minimal({ process: { cwd: "/", args: ["true"], user: {} } }));
  });

  it("may have null where a program in Go had nothing", () => {
    expect(minimal({ mounts: null, annotations: null, hooks: null })).toEqual(minimal());
  });

  it.each([
    ["a config without a root", '{"ociVersion":"1.0.2"}', "root"],
    ["a config without a version", '{"root":{"path":"r"}}', "ociVersion"],
    ["a process without a cwd", '{"ociVersion":"1.0.2","root":{"path":"r"},"process":{}}', "process.cwd"],
    [
      "a namespace that does not exist",
      '{"ociVersion":"1.0.2","root":{"path":"r"},"linux":{"namespaces":[{"type":"net"}]}}',
      "linux.namespaces[0].type",
    ],
    [
      "an action of seccomp that does not exist",
      '{"ociVersion":"1.0.2","root":{"path":"r"},"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"ALLOW"}]}}}',
      "linux.seccomp.syscalls[0].action",
    ],
    [
      "a hook that may run for no time",
      '{"ociVersion":"1.0.2","root":{"path":"r"},"hooks":{"poststop":[{"path":"/x","timeout":0}]}}',
      "hooks.poststop[0].timeout",
    ],
  ])("is refused with the member's path: %s", (_, text, member) => {
    expect(errorOf(() => parseConfig(text))).toMatchObject({ code: "ERR_CT_INVALID_SPEC", member });
  });

  it("is refused when it is no JSON", () => {
    expect(errorOf(() => parseConfig("{"))).toMatchObject({ code: "ERR_CT_INVALID_SPEC" });
    expect(errorOf(() => parseConfig("{")).message).toContain("config.json is no JSON");
  });

  it("keeps whole numbers of 64 bits exact, and digits in texts as they are", () => {
    const process = parseProcess(
      '{"cwd":"/","args":["18446744073709551615, \\"12345678901234567890\\""],"rlimits":[{"type":"RLIMIT_CORE","soft":18446744073709551615,"hard":9007199254740993}]}',
    );
    expect(process.rlimits?.[0]).toEqual({ type: "RLIMIT_CORE", soft: 2n ** 64n - 1n, hard: 9007199254740993n });
    expect(process.args).toEqual(['18446744073709551615, "12345678901234567890"']);
    expect(parseResources('{"memory":{"limit":-9223372036854775808}}').memory?.limit).toBe(-(2n ** 63n));
  });

  it.each(["docker", "podman", "containerd", "runc-spec", "runc-spec-rootless"])("is read from %s", (name) => {
    expect(parseConfig(fixture(name))).toMatchObject({ linux: { maskedPaths: expect.any(Array) } });
  });
});
