import { describe, expect, it } from "vitest";
import { imageDefaults, requireCommand } from "../../../src/image/config.ts";
import { readConfig } from "../../../src/image/manifest.ts";
import type { ImageConfig } from "../../../src/image/types.ts";

const image = (config: ImageConfig["config"]): ImageConfig => ({
  os: "linux",
  architecture: "amd64",
  rootfs: { type: "layers", diff_ids: [] },
  config: { Cmd: ["sh"], ...config },
});
const defaults = (config: ImageConfig["config"], args: readonly string[] = []) =>
  imageDefaults(image(config), { args });

describe("the command of an image", () => {
  const both = { Entrypoint: ["/entry", "-x"], Cmd: ["serve"] };

  it("is its entrypoint with its arguments", () => {
    expect(defaults(both).process.args).toEqual(["/entry", "-x", "serve"]);
    expect(defaults({ Entrypoint: null, Cmd: ["a", "b"] }).process.args).toEqual(["a", "b"]);
  });

  it("has other arguments when some are given", () => {
    expect(defaults(both, ["migrate"]).process.args).toEqual(["/entry", "-x", "migrate"]);
    expect(defaults({ Cmd: ["sh"] }, ["ls", "-l"]).process.args).toEqual(["ls", "-l"]);
  });

  it("loses its own arguments with its entrypoint", () => {
    const given = (entrypoint: readonly string[], args: readonly string[] = []) =>
      imageDefaults(image(both), { entrypoint, args }).process.args;
    expect(given(["/bin/sh"])).toEqual(["/bin/sh"]);
    expect(given(["/bin/sh"], ["-c", "id"])).toEqual(["/bin/sh", "-c", "id"]);
    expect(given([], ["id"])).toEqual(["id"]);
  });

  it("must be said by somebody", () => {
    expect([{ Cmd: null }, { Cmd: [""] }].map((config) => defaults(config).process.args)).toEqual([[], []]);
    expect(() => requireCommand([], "test")).toThrow(/says of no command.*ct run test -- COMMAND/);
  });
});

describe("the process of an image", () => {
  it("has its environment, with a PATH in any case", () => {
    expect(defaults({ Env: ["A=1", "B=x=y", "C", "A=2"] }).process.env).toEqual({
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      A: "2",
      B: "x=y",
      C: "",
    });
    expect(defaults({ Env: ["PATH=/bin", "=x", "N=\0"] }).process.env).toEqual({ PATH: "/bin" });
  });

  it("starts in its working directory, which is made when it is missing", () => {
    expect(defaults({}).process).toMatchObject({ cwd: "/", makeCwd: true });
    expect(defaults({ WorkingDir: "srv/./app/" }).process.cwd).toBe("/srv/app");
    expect(defaults({ WorkingDir: "/../../x" }).process.cwd).toBe("/x");
  });

  it("is the user that the image names", () => {
    expect(defaults({}).user).toBeUndefined();
    expect(defaults({ User: "" }).user).toBeUndefined();
    expect(defaults({ User: "app:staff" }).user).toBe("app:staff");
    expect(defaults({ User: "1000:" }).user).toBe("1000");
  });
});

describe("what else an image says", () => {
  it("is the signal that stops it", () => {
    const signal = (StopSignal: string) => defaults({ StopSignal }).spec.stopSignal;
    expect(["SIGQUIT", "quit", "3", "SIGRTMIN+3", "RTMAX-1"].map(signal)).toEqual(["SIGQUIT", "SIGQUIT", 3, 37, 63]);
    expect(["", "SIGNONSENSE", "0", "65", "SIGRTMIN+99"].map(signal)).toEqual(Array(5).fill(undefined));
  });

  it("is its health check, in seconds", () => {
    const check = (Healthcheck: NonNullable<ImageConfig["config"]>["Healthcheck"]) =>
      defaults({ ...(Healthcheck ? { Healthcheck } : {}) }).spec.healthcheck;
    expect(check({ Test: ["CMD", "true"], Interval: 5e9, Timeout: 15e8, Retries: 2, StartPeriod: 0 })).toEqual({
      command: ["true"],
      interval: 5,
      timeout: 1.5,
      retries: 2,
    });
    expect(check({ Test: ["CMD-SHELL", "curl -f x || exit 1"] })?.command).toEqual([
      "/bin/sh",
      "-c",
      "curl -f x || exit 1",
    ]);
    expect([check({ Test: ["NONE"] }), check({ Test: [] }), check(undefined)]).toEqual(Array(3).fill(undefined));
    const shell = defaults({ Shell: ["/bin/bash", "-ec"], Healthcheck: { Test: ["CMD-SHELL", "x"] } });
    expect(shell.spec.healthcheck?.command).toEqual(["/bin/bash", "-ec", "x"]);
  });

  it("are volumes, ports and labels", () => {
    const { volumes, exposedPorts, spec } = defaults({
      Volumes: { "/data": {}, "rel/x": {} },
      ExposedPorts: { "80/tcp": {}, "53/udp": {} },
      Labels: { maintainer: "me", "": "dropped", "org.opencontainers.image.os": "mine" },
      StopSignal: "SIGQUIT",
    });
    expect(volumes).toEqual(["/data", "/rel/x"]);
    expect(exposedPorts).toEqual(["80/tcp", "53/udp"]);
    expect(spec.annotations).toEqual({
      "org.opencontainers.image.os": "mine",
      "org.opencontainers.image.architecture": "amd64",
      "org.opencontainers.image.stopSignal": "SIGQUIT",
      "org.opencontainers.image.exposedPorts": "80/tcp,53/udp",
      maintainer: "me",
    });
  });
});

describe("a config", () => {
  const read = (config: unknown, more: object = {}) => {
    const value = { os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: [] }, config, ...more };
    return readConfig(Buffer.from(JSON.stringify(value)), { layers: [] }, "test");
  };

  it.each([
    [{ User: 5 }, "config.User is no text"],
    [{ Env: "A=1" }, "config.Env is no list of texts"],
    [{ Env: [1] }, "config.Env is no list of texts"],
    [{ Entrypoint: "/bin/sh" }, "config.Entrypoint is no list of texts"],
    [{ StopSignal: 9 }, "config.StopSignal is no text"],
    [{ Volumes: ["/x"] }, "config.Volumes is no object"],
    [{ Labels: { a: 1 } }, "config.Labels is no object of texts"],
    [{ Healthcheck: { Test: "CMD" } }, "config.Healthcheck.Test is no list of texts"],
    [
      { Healthcheck: { Test: ["CMD", "x"], Interval: 1 } },
      "config.Healthcheck.Interval is neither 0 nor a millisecond",
    ],
    [["x"], "config is no object"],
  ])("%j is refused", (config, why) => {
    expect(() => read(config)).toThrow(why);
    expect(() => read(config)).toThrow(expect.objectContaining({ code: "ERR_CT_IMAGE" }));
  });

  it("has a history that can be shown", () => {
    expect(() => read({}, { history: [{ created_by: "x" }, { created_by: 1 }] })).toThrow("history[1].created_by");
    expect(() => read({}, { history: [null] })).toThrow("history[0] is no object");
  });

  it("may have null for what is not set", () => {
    const names = ["User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal"];
    const nothing = Object.fromEntries([...names, "Shell", "Healthcheck"].map((name) => [name, null]));
    expect(imageDefaults(read(nothing, { created: null, history: null }), { args: [] }).process.args).toEqual([]);
    expect(read(null).config).toBeNull();
  });
});
