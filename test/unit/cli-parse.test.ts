import { describe, expect, it } from "vitest";
import { parseBind, parseMount, parseTmpfs } from "../../src/cli/mount-syntax.ts";
import { parseCapabilities, parseDevice, parseEnv, parseIdMap, parseSysctl, parseUlimit } from "../../src/cli/parse.ts";
import { splitWords } from "../../src/cli/words.ts";

const absolute = (path: string) => path.replace(/^\.\//, "/here/");

describe("the words after the flags", () => {
  it("are ROOT before -- and COMMAND after it", () => {
    expect(splitWords(["./rootfs"], ["ls", "-l"])).toEqual({ root: "./rootfs", command: ["ls", "-l"] });
    expect(splitWords([], ["ls", "--", "x"])).toEqual({ root: undefined, command: ["ls", "--", "x"] });
  });

  it("begin with ROOT without -- only when the first looks like one", () => {
    expect(splitWords(["host", "id"], undefined)).toEqual({ root: "host", command: ["id"] });
    expect(splitWords(["/usr", "id"], undefined)).toEqual({ root: "/usr", command: ["id"] });
    expect(splitWords(["./none", "id"], undefined)).toEqual({ root: "./none", command: ["id"] });
    expect(splitWords(["id", "-u"], undefined)).toEqual({ root: undefined, command: ["id", "-u"] });
  });

  it("must name a command, and only one root", () => {
    expect(() => splitWords([], undefined)).toThrow("no command: say what to run after --");
    expect(() => splitWords(["host"], [])).toThrow("no command");
    expect(() => splitWords(["host", "id"], ["id"])).toThrow('"id" stands before "--"');
  });
});

describe("mounts", () => {
  it("--bind shows the source with all that is mounted below, and ro holds to its depth", () => {
    expect(parseBind("./src:/src:ro,nosuid", absolute)).toEqual({
      destination: "/src",
      source: "/here/src",
      type: "bind",
      options: ["rbind", "rro", "nosuid"],
    });
    expect(parseBind("/a:/b", absolute).options).toEqual(["rbind"]);
    expect(parseBind("/a:/b:bind,ro", absolute).options).toEqual(["bind", "ro"]);
  });

  it.each(["/a", "/a:b", ":/b", "/a:/b:ro:x"])("--bind %s is refused", (word) => {
    expect(() => parseBind(word, absolute)).toThrow("expected SOURCE:/DESTINATION[:OPTIONS]");
  });

  it("--tmpfs takes the filesystem's options", () => {
    expect(parseTmpfs("/tmp:size=64m,noexec").options).toEqual(["nosuid", "nodev", "size=64m", "noexec"]);
    expect(() => parseTmpfs("tmp")).toThrow("expected /DESTINATION[:OPTIONS]");
  });

  it("--mount takes docker's long form, and other options as they are", () => {
    expect(parseMount("type=bind,source=./a,target=/a,readonly,bind-propagation=rslave", absolute)).toEqual({
      destination: "/a",
      source: "/here/a",
      type: "bind",
      options: ["rbind", "rro", "rslave"],
    });
    expect(parseMount("type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=700,noexec", absolute)).toEqual({
      destination: "/t",
      source: "tmpfs",
      type: "tmpfs",
      options: ["size=1m", "mode=700", "noexec"],
    });
    expect(() => parseMount("type=bind,target=/a", absolute)).toThrow("expected a source");
    expect(() => parseMount("target=/a", absolute)).toThrow("expected type=TYPE");
  });
});

describe("values", () => {
  it("--env sets, or passes the caller's value on", () => {
    expect(parseEnv(["A=1=2", "B", "MISSING", "C="], [], { B: "b" })).toEqual({ A: "1=2", B: "b", C: "" });
    expect(() => parseEnv(["=x"], [], {})).toThrow("--env");
    expect(() => parseEnv([], ["/nonexistent/env"], {})).toThrow("--env-file /nonexistent/env: ENOENT");
  });

  it("--ulimit has a soft and a hard limit", () => {
    expect(parseUlimit("nofile=10:20")).toEqual({ type: "RLIMIT_NOFILE", soft: 10, hard: 20 });
    expect(parseUlimit("core=unlimited")).toEqual({ type: "RLIMIT_CORE", soft: -1, hard: -1 });
    expect(() => parseUlimit("nofile")).toThrow("expected NAME=SOFT[:HARD]");
  });

  it("--cap-drop comes before --cap-add, with and without CAP_, and knows ALL", () => {
    expect(parseCapabilities(["net_admin"], ["ALL"])).toEqual(["CAP_NET_ADMIN"]);
    expect(parseCapabilities([], ["CAP_CHOWN"])).not.toContain("CAP_CHOWN");
    expect(parseCapabilities(["ALL"], [])).toHaveLength(41);
    expect(() => parseCapabilities(["FLY"], [])).toThrow('--cap-add "FLY": expected a capability');
  });

  it("--sysctl, --uid-map and --device say what they expect", () => {
    expect(parseSysctl(["a.b=c=d"])).toEqual({ "a.b": "c=d" });
    expect(() => parseSysctl(["a"])).toThrow("expected NAME=VALUE");
    expect(parseIdMap("--uid-map", "0:1000:1")).toEqual({ containerID: 0, hostID: 1000, size: 1 });
    expect(() => parseIdMap("--uid-map", "0:1000")).toThrow("expected CONTAINER:HOST:SIZE");
    const fuse = { type: "c", major: 10, minor: 229 } as const;
    expect(parseDevice("/dev/fuse:/dev/f", () => fuse)).toEqual({ path: "/dev/f", ...fuse });
    expect(() => parseDevice("/dev/none", () => undefined)).toThrow("expected a device node that exists");
  });
});
