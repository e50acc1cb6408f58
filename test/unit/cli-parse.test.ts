import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { parseCapabilities, permittedCapabilities } from "../../src/cli/capabilities.ts";
import { parseDevice } from "../../src/cli/device-syntax.ts";
import { parseEnv } from "../../src/cli/env.ts";
import {
  parseIdMap,
  parseInteger,
  parseLimits,
  parseNamespace,
  parseSysctl,
  parseUlimit,
} from "../../src/cli/parse.ts";
import { LibctError } from "../../src/errors.ts";
import { hasDefaultAction } from "../../src/host/index.ts";
import { CAPABILITIES } from "../../src/linux/index.ts";
import { DEFAULT_CAPABILITIES } from "../../src/spec/index.ts";

const directory = mkdtempSync("/tmp/ct-cli-parse-");
afterAll(() => rmSync(directory, { recursive: true }));

describe("--env and --env-file", () => {
  const file = (content: string) => {
    writeFileSync(`${directory}/env`, content);
    return `${directory}/env`;
  };

  it("set a variable, or pass the caller's on when there is one", () => {
    expect(parseEnv(["A=1=2", "B", "MISSING", "C="], [], { B: "b" })).toEqual({ A: "1=2", B: "b", C: "" });
  });

  it("take lines of a file as they are, but for comments and empty lines", () => {
    const path = file('# comment\n\nA=1\r\nB="quoted" # not a comment\nOWN\n  \n');
    expect(parseEnv([], [path], { OWN: "o" })).toEqual({ A: "1", B: '"quoted" # not a comment', OWN: "o" });
  });

  it("let flags outdo files, and later words earlier ones", () => {
    expect(parseEnv(["A=flag", "B=1", "B=2"], [file("A=file\n")], {})).toEqual({ A: "flag", B: "2" });
  });

  it("say which line of which file is wrong", () => {
    const path = file("A=1\nexport B=2\n");
    expect(() => parseEnv([], [path], {})).toThrow(
      `--env-file "${path}": expected NAME=VALUE or NAME in line 2, not "export B=2"`,
    );
    expect(() => parseEnv([], [file("=x")], {})).toThrow("in line 1");
    expect(() => parseEnv(["=x"], [], {})).toThrow('--env "=x": expected NAME=VALUE');
    expect(() => parseEnv([], ["/nonexistent/env"], {})).toThrow(
      '--env-file "/nonexistent/env": the file does not exist',
    );
    expect(() => parseEnv([], ["/tmp"], {})).toThrow('--env-file "/tmp": the file is a directory');
  });
});

describe("--ulimit", () => {
  it.each([
    ["nofile=10:20", "RLIMIT_NOFILE", 10, 20],
    ["nofile=10", "RLIMIT_NOFILE", 10, 10],
    ["RLIMIT_CORE=0:unlimited", "RLIMIT_CORE", 0, -1],
    ["core=unlimited", "RLIMIT_CORE", -1, -1],
    ["NPROC=-1:-1", "RLIMIT_NPROC", -1, -1],
  ])("%s is %s, %d to %d", (word, type, soft, hard) => {
    expect(parseUlimit(word)).toEqual({ type, soft, hard });
  });

  it.each([
    ["nofile", "expected NAME=SOFT[:HARD]"],
    ["nofil=3", "names are cpu, "],
    ["nofile=ten", "expected NAME=SOFT[:HARD]"],
    ["nofile=-2", "expected NAME=SOFT[:HARD]"],
    ["nofile=30:20", "expected a soft limit within the hard one"],
    ["nofile=unlimited:20", "expected a soft limit within the hard one"],
  ])("%s is refused: %s", (word, text) => {
    expect(() => parseUlimit(word)).toThrow(text);
    expect(() => parseUlimit(word)).toThrow(`--ulimit "${word}"`);
  });
});

describe("--cap-add and --cap-drop", () => {
  const without = (names: readonly string[], ...gone: string[]) => names.filter((name) => !gone.includes(name)).sort();

  it.each([
    [["net_admin"], ["ALL"], ["CAP_NET_ADMIN"]],
    [["CAP_NET_ADMIN", "cap_kill"], ["all"], ["CAP_KILL", "CAP_NET_ADMIN"]],
    [[], ["ALL"], []],
    [[], ["CHOWN"], without(DEFAULT_CAPABILITIES, "CAP_CHOWN")],
    [["SYS_TIME"], [], [...DEFAULT_CAPABILITIES, "CAP_SYS_TIME"].sort()],
    [["ALL"], [], [...CAPABILITIES].sort()],
    [["ALL"], ["NET_RAW", "SYS_ADMIN"], without(CAPABILITIES, "CAP_NET_RAW", "CAP_SYS_ADMIN")],
  ])("+%j -%j", (add, drop, expected) => {
    expect([...parseCapabilities(add, drop)].sort()).toEqual(expected);
  });

  it("give with ALL what there is to give, and a single one in any case", () => {
    expect(parseCapabilities(["ALL"], [], ["CAP_KILL"])).toEqual(["CAP_KILL"]);
    expect(parseCapabilities(["ALL", "SYS_TIME"], [], ["CAP_KILL"])).toEqual(["CAP_KILL", "CAP_SYS_TIME"]);
  });

  it.each([
    [["FLY"], [], '--cap-add "FLY": expected a capability'],
    [[], ["CAP_FLY"], '--cap-drop "CAP_FLY": expected a capability'],
    [["kill"], ["CAP_KILL"], '--cap-add "kill": expected one that --cap-drop does not take away'],
    [["ALL"], ["ALL"], '--cap-add "ALL"'],
  ])("+%j -%j is refused: %s", (add, drop, text) => {
    expect(() => parseCapabilities(add, drop)).toThrow(text);
  });

  it("read from a process's status which ones it has", () => {
    expect(permittedCapabilities("Name:\tx\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000021\n")).toEqual([
      "CAP_CHOWN",
      "CAP_KILL",
    ]);
  });
});

describe("--device", () => {
  const fuse = { type: "c", major: 10, minor: 229 } as const;
  const node = (word: string) => parseDevice(word, () => fuse);

  it("makes the node anew under its own name", () => {
    for (const word of ["/dev/fuse", "/dev/fuse:rwm", "/dev/fuse:/dev/fuse", "/dev/fuse:/dev/fuse:mrw"]) {
      expect(node(word)).toEqual({ device: { path: "/dev/fuse", ...fuse } });
    }
  });

  it("binds it under another name, which user namespaces allow too", () => {
    expect(node("/dev/fuse:/dev/f:rwm")).toEqual({
      mount: { destination: "/dev/f", source: "/dev/fuse", type: "bind", options: ["bind"] },
    });
  });

  it.each([
    ["fuse", "expected HOST"],
    ["/dev/fuse:f", "expected HOST"],
    ["/dev/fuse:/dev/f:rwx", "expected HOST"],
    ["/dev/fuse:/dev/f:rwm:", "expected HOST"],
    ["/dev/fuse:/dev/f:r", "expected rwm, as single rights cannot be withheld"],
  ])("%s is refused: %s", (word, text) => {
    expect(() => node(word)).toThrow(text);
    expect(() => parseDevice("/dev/none", () => undefined)).toThrow("expected a device node that exists on the host");
  });
});

describe("ids, namespaces, numbers, limits", () => {
  it("--uid-map and --gid-map are CONTAINER:HOST:SIZE within 32 bits", () => {
    expect(parseIdMap("--uid-map", "0:1000:1")).toEqual({ containerID: 0, hostID: 1000, size: 1 });
    for (const word of ["0:1000", "0:1000:0", "a:0:1", "0:-1:1", "0:4294967295:1", "4294967000:0:65536", ""]) {
      expect(() => parseIdMap("--gid-map", word)).toThrow(`--gid-map "${word}": expected CONTAINER:HOST:SIZE`);
    }
  });

  it("namespaces have the names of the runtime-spec, or those of /proc/PID/ns", () => {
    expect(parseNamespace("--namespace", "time")).toEqual({ type: "time" });
    expect(parseNamespace("--namespace", "net=/proc/1/ns/net")).toEqual({ type: "network", path: "/proc/1/ns/net" });
    expect(parseNamespace("--namespace", "mnt")).toEqual({ type: "mount" });
    expect(() => parseNamespace("--no-namespace", "nets")).toThrow(
      '--no-namespace "nets": expected one of user, mount',
    );
    expect(() => parseNamespace("--namespace", "net=1")).toThrow("expected a path");
  });

  it("--sysctl is NAME=VALUE", () => {
    expect(parseSysctl(["a.b=c=d", "e="])).toEqual({ "a.b": "c=d", e: "" });
    for (const word of ["a", "=b"])
      expect(() => parseSysctl([word])).toThrow(`--sysctl "${word}": expected NAME=VALUE`);
  });

  it("numbers are whole and within their limits", () => {
    expect(parseInteger("--oom-score-adj", "-1000", -1000, 1000)).toBe(-1000);
    for (const word of ["1001", "1.5", "", "1e2", "0x1"]) {
      expect(() => parseInteger("--oom-score-adj", word, -1000, 1000)).toThrow("a whole number from -1000 to 1000");
    }
    expect(() => parseInteger("--pids", "0", 1, Number.MAX_SAFE_INTEGER)).toThrow("a whole number from 1 on");
  });

  it("--timeout and --max-output are a duration and a size", () => {
    expect(parseLimits({ timeout: "1m30s", maxOutput: "1.5k" })).toEqual({ timeout: 90, maxOutput: 1536 });
    expect(parseLimits({})).toEqual({ timeout: undefined, maxOutput: undefined });
    expect(() => parseLimits({ timeout: "soon" })).toThrow("--timeout");
    expect(() => parseLimits({ timeout: "0s" })).toThrow("a time above 0");
    expect(() => parseLimits({ maxOutput: "-1" })).toThrow("--max-output");
  });

  it("what is wrong is a LibctError with a code", () => {
    const thrown = (() => {
      try {
        return parseIdMap("--uid-map", "x");
      } catch (error) {
        return error;
      }
    })();
    expect(thrown).toBeInstanceOf(LibctError);
    expect(thrown).toMatchObject({ code: "ERR_CT_USAGE" });
  });
});

describe("the default action of a signal", () => {
  const status = (blocked: string, ignored: string, caught: string) =>
    `Name:\tsh\nSigBlk:\t${blocked}\nSigIgn:\t${ignored}\nSigCgt:\t${caught}\n`;
  const none = "0000000000000000";
  const TERM = "0000000000004000"; // Bit 14 is signal 15.

  it("is done when a process neither blocks, ignores nor catches it", () => {
    expect(hasDefaultAction(status(none, none, none), 15)).toBe(true);
    expect(hasDefaultAction(status(none, none, TERM), 2)).toBe(true);
    expect(hasDefaultAction(status(TERM, none, none), 15)).toBe(false);
    expect(hasDefaultAction(status(none, TERM, none), 15)).toBe(false);
    expect(hasDefaultAction(status(none, none, TERM), 15)).toBe(false);
    expect(hasDefaultAction(status(none, none, "fffffffe7ffbfeff"), 9)).toBe(true);
    expect(hasDefaultAction("Name:\tzombie\n", 15)).toBe(false);
  });
});
