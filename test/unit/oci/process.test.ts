import { describe, expect, it } from "vitest";
import { translateProcess } from "../../../src/flavours/oci/index.ts";
import { minimal, translate } from "./support.ts";

const process = (more: object) => translate(minimal({ process: { cwd: "/", args: ["true"], ...more } }));
const rejected = (more: object) => expect(() => process(more));

describe("a process of config.json", () => {
  it("gets an id, a umask and a session keyring, and nothing that it does not ask for", () => {
    expect(process({}).process).toEqual({
      args: ["true"],
      cwd: "/",
      env: {},
      user: { uid: 0, gid: 0, umask: 0o022 },
      capabilities: { bounding: [], effective: [], permitted: [], inheritable: [], ambient: [] },
      homeFromPasswd: true,
      newSessionKeyring: true,
    });
  });

  it("keeps the engine's keyring when it is told to", () => {
    expect(translate(minimal(), { noNewKeyring: true }).process?.newSessionKeyring).toBe(false);
  });

  it("is none when the config has none", () => {
    const { spec, process } = translate(minimal({ process: null, linux: { personality: { domain: "LINUX32" } } }));
    expect(process).toBeUndefined();
    expect(spec.process).toEqual({ personality: "LINUX32" });
  });

  it("has its environment by name, the last one of a name", () => {
    expect(process({ env: ["A=1", "B=x=y", "A=2", "C="] }).process?.env).toEqual({ A: "2", B: "x=y", C: "" });
    rejected({ env: ["A=1", "B"] }).toThrow(/process\.env\[1\]/);
    rejected({ env: ["=1"] }).toThrow(/process\.env\[0\]/);
  });

  it("must have a program and an absolute working directory", () => {
    rejected({ args: [] }).toThrow(/process\.args/);
    rejected({ args: null }).toThrow(/process\.args/);
    rejected({ cwd: "tmp" }).toThrow(/process\.cwd/);
    rejected({ cwd: "" }).toThrow(/process\.cwd/);
  });

  it("has ids, groups and the permission bits of a umask", () => {
    const user = { uid: 1000, gid: 100, additionalGids: [5, 6], umask: 0o7077, username: "app" };
    expect(process({ user }).process?.user).toEqual({ uid: 1000, gid: 100, additionalGids: [5, 6], umask: 0o077 });
  });

  it("loses capabilities that nobody knows or can raise, with a warning", () => {
    const { process: result, warnings } = process({
      capabilities: {
        bounding: ["CAP_KILL", "CAP_FLY", "CAP_CHOWN"],
        permitted: ["CAP_KILL", "CAP_CHOWN"],
        inheritable: ["CAP_KILL"],
        ambient: ["CAP_KILL", "CAP_CHOWN"],
      },
    });
    expect(result?.capabilities).toEqual({
      bounding: ["CAP_KILL", "CAP_CHOWN"],
      effective: [],
      permitted: ["CAP_KILL", "CAP_CHOWN"],
      inheritable: ["CAP_KILL"],
      ambient: ["CAP_KILL"],
    });
    expect(warnings).toEqual([
      expect.stringContaining("CAP_FLY"),
      expect.stringMatching(/process\.capabilities\.ambient.*: CAP_CHOWN$/),
    ]);
  });

  it("has limits, by either name, and none for RLIM_INFINITY", () => {
    const rlimits = [
      { type: "RLIMIT_NOFILE", soft: 1024, hard: 4096 },
      // 2^64-1, as JSON.stringify and jq write it.
      { type: "CORE", soft: 0, hard: 18446744073709552000 },
    ];
    expect(process({ rlimits }).process?.rlimits).toEqual([
      { type: "RLIMIT_NOFILE", soft: 1024, hard: 4096 },
      { type: "RLIMIT_CORE", soft: 0, hard: -1 },
    ]);
    rejected({ rlimits: [{ type: "RLIMIT_AS", soft: 2 ** 60, hard: 2 ** 60 }] }).toThrow(/process\.rlimits\[0\]\.soft/);
  });

  it("has a size only with a terminal, and with a size that is known", () => {
    const consoleSize = { height: 25, width: 80 };
    expect(process({ consoleSize }).process).not.toHaveProperty("consoleSize");
    expect(process({ terminal: true, consoleSize }).process).toMatchObject({ terminal: true, consoleSize });
    const unknown = { height: 0, width: 0 };
    expect(process({ terminal: true, consoleSize: unknown }).process).not.toHaveProperty("consoleSize");
  });

  it("has what the kernel knows of it besides", () => {
    const given = {
      oomScoreAdj: -500,
      apparmorProfile: "docker-default",
      selinuxLabel: "system_u:system_r:container_t:s0",
      noNewPrivileges: true,
      scheduler: { policy: "SCHED_DEADLINE", runtime: 1, deadline: 2, period: 3, flags: ["SCHED_FLAG_RECLAIM"] },
      ioPriority: { class: "IOPRIO_CLASS_BE", priority: 3 },
    };
    const affinity = { execCPUAffinity: { initial: "0-1, 3", final: "" } };
    expect(process({ ...given, ...affinity }).process).toMatchObject({
      ...given,
      execCPUAffinity: { initial: "0-1,3" },
    });
    const empty = process({ apparmorProfile: "", selinuxLabel: "" }).process;
    expect(empty).not.toHaveProperty("apparmorProfile");
    expect(empty).not.toHaveProperty("selinuxLabel");
    expect(empty).not.toHaveProperty("oomScoreAdj");
  });

  it("of its own says nothing of capabilities that it does not name", () => {
    const warnings: string[] = [];
    const result = translateProcess({ cwd: "/", args: ["id"] }, (text) => warnings.push(text));
    expect(result).not.toHaveProperty("capabilities");
    expect(warnings).toEqual([]);
  });
});
