import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { healthOptions } from "../../src/cli/health-options.ts";
import { compileContainer } from "../../src/compile/index.ts";
import { explainProgram } from "../../src/explain/index.ts";
import { merge } from "../../src/host/merge.ts";
import { kernelFeatures } from "../../src/linux/index.ts";
import { verifyProgram } from "../../src/program/index.ts";
import { afterCheck, type HealthReport, UNCHECKED, untilNextCheck } from "../../src/records/index.ts";
import { type ContainerSpec, type Healthcheck, validateSpec, withHealthDefaults } from "../../src/spec/index.ts";
import { resolvedBy } from "../support/arbitrary-spec.ts";

const CHECK: Healthcheck = { command: ["true"], interval: 10, retries: 3, startPeriod: 60, startInterval: 1 };
/** Seconds from the run's start, and the exit status. */
type Result = readonly [at: number, exitCode: number | undefined];
const result = ([at, exitCode]: Result) => {
  const time = new Date(at * 1000);
  return { started: time, ended: time, exitCode, output: "" };
};
const reportAfter = (results: readonly Result[], healthcheck = CHECK): HealthReport =>
  results.reduce((report, one) => afterCheck(report, result(one), healthcheck, 0), UNCHECKED);

describe("a container's health", () => {
  it("is starting before the first check", () => {
    expect(UNCHECKED).toMatchObject({ status: "starting", failingStreak: 0 });
  });

  it.each<[what: string, results: readonly Result[], status: string, streak: number]>([
    ["is healthy after a success", [[1, 0]], "healthy", 0],
    [
      "is starting while failures do not suffice",
      [
        [70, 1],
        [80, 1],
      ],
      "starting",
      2,
    ],
    [
      "is unhealthy after `retries` failures in a row",
      [
        [70, 1],
        [80, 2],
        [90, 1],
      ],
      "unhealthy",
      3,
    ],
    [
      "does not count failures of the start period",
      [
        [1, 1],
        [2, 1],
        [3, 1],
        [59, 1],
      ],
      "starting",
      0,
    ],
    [
      "counts from the end of the start period on",
      [
        [59, 1],
        [60, 1],
        [61, 1],
        [62, 1],
      ],
      "unhealthy",
      3,
    ],
    [
      "counts in the start period, too, after a success",
      [
        [1, 0],
        [2, 1],
        [3, 1],
        [4, 1],
      ],
      "unhealthy",
      3,
    ],
    [
      "stays healthy while failures do not suffice",
      [
        [1, 0],
        [70, 1],
        [80, 1],
      ],
      "healthy",
      2,
    ],
    [
      "begins to count anew at each success",
      [
        [70, 1],
        [80, 1],
        [90, 0],
        [100, 1],
        [110, 1],
      ],
      "healthy",
      2,
    ],
    [
      "is healthy again after one success",
      [
        [70, 1],
        [80, 1],
        [90, 1],
        [100, 0],
      ],
      "healthy",
      0,
    ],
    [
      "takes a check that was killed for a failure",
      [
        [70, undefined],
        [80, undefined],
        [90, undefined],
      ],
      "unhealthy",
      3,
    ],
    [
      "is a matter of when a check began",
      [
        [59.9, 1],
        [69, 1],
      ],
      "starting",
      1,
    ],
  ])("%s", (_, results, status, failingStreak) => {
    expect(reportAfter(results)).toMatchObject({ status, failingStreak });
    const [at = 0, exitCode] = results.at(-1) ?? [];
    expect(reportAfter(results).last).toEqual(result([at, exitCode]));
  });

  it("is what the last check says when that is a success, and unhealthy only by as many failures as `retries`", () => {
    const results = fc.array(fc.tuple(fc.nat(200), fc.constantFrom(0, 1, undefined)), { minLength: 1 });
    fc.assert(
      fc.property(results, fc.integer({ min: 1, max: 5 }), (list, retries) => {
        const { status, failingStreak, last } = reportAfter(list, { ...CHECK, retries });
        if (last?.exitCode === 0) expect([status, failingStreak]).toEqual(["healthy", 0]);
        expect(status === "unhealthy").toBe(failingStreak >= retries);
      }),
    );
  });

  it("is checked more often in the start period, until the first success", () => {
    expect(untilNextCheck(UNCHECKED, CHECK, 0, 0)).toBe(1000);
    expect(untilNextCheck(reportAfter([[1, 1]]), CHECK, 0, 59_999)).toBe(1000);
    expect(untilNextCheck(reportAfter([[1, 1]]), CHECK, 0, 60_000)).toBe(10_000);
    expect(untilNextCheck(reportAfter([[1, 0]]), CHECK, 0, 2000)).toBe(10_000);
    expect(untilNextCheck(UNCHECKED, { ...CHECK, startPeriod: 0 }, 0, 0)).toBe(10_000);
  });

  it("has docker's defaults", () => {
    const defaults = { interval: 30, timeout: 30, retries: 3, startPeriod: 0, startInterval: 5 };
    expect(withHealthDefaults({ command: ["true"] })).toEqual({ command: ["true"], ...defaults });
  });
});

describe("the member healthcheck", () => {
  const invalid = (healthcheck: object, more: object = {}) => {
    try {
      validateSpec({ healthcheck, ...more });
    } catch (error) {
      return error;
    }
    return undefined;
  };

  it("is checked", () => {
    const healthcheck = { command: ["curl", "localhost"], interval: 0.5, timeout: 1, retries: 1, startPeriod: 0 };
    expect(validateSpec({ healthcheck })).toEqual({ healthcheck });
    expect(invalid({})).toMatchObject({ member: "healthcheck.command" });
    expect(invalid({ command: [] })).toMatchObject({ member: "healthcheck.command" });
    expect(invalid({ command: "true" })).toMatchObject({ member: "healthcheck.command" });
    expect(invalid({ command: ["true"], interval: 0 })).toMatchObject({ member: "healthcheck.interval" });
    expect(invalid({ command: ["true"], timeout: Number.NaN })).toMatchObject({ member: "healthcheck.timeout" });
    expect(invalid({ command: ["true"], startPeriod: 1e9 })).toMatchObject({ member: "healthcheck.startPeriod" });
    expect(invalid({ command: ["true"], retries: 0 })).toMatchObject({ member: "healthcheck.retries" });
    expect(invalid({ command: ["true"], retrys: 1 })).toMatchObject({ message: expect.stringContaining("retries") });
  });

  it("is not for a container that is left to others", () => {
    const more = { name: "one", lifetime: "orphan" };
    expect(invalid({ command: ["true"] }, more)).toMatchObject({ member: "healthcheck" });
  });

  it("has docker's flags", () => {
    expect(healthOptions({})).toEqual({});
    expect(
      healthOptions({
        healthCmd: "test -e /ok",
        healthInterval: "1m30s",
        healthTimeout: "500ms",
        healthRetries: "2",
        healthStartPeriod: "10s",
        healthStartInterval: "1s",
      }),
    ).toEqual({
      healthcheck: {
        command: ["/bin/sh", "-c", "test -e /ok"],
        interval: 90,
        timeout: 0.5,
        retries: 2,
        startPeriod: 10,
        startInterval: 1,
      },
    });
    expect(() => healthOptions({ healthRetries: "2" })).toThrow("--health-cmd");
    expect(() => healthOptions({ healthCmd: "" })).toThrow("--health-cmd");
    expect(() => healthOptions({ healthCmd: "true", healthRetries: "0" })).toThrow("--health-retries");
    expect(() => healthOptions({ healthCmd: "true", healthInterval: "soon" })).toThrow("--health-interval");
  });
});

describe("the end of a container that takes its record with it", () => {
  const record = {
    directory: "/run/libct/containers/one",
    outlives: false,
    autoRemove: true,
    held: false,
    logSize: 4096,
    restart: undefined,
  };
  const listing = (spec: ContainerSpec) => {
    const program = compileContainer(resolvedBy({ spec, record }, kernelFeatures("6.12")));
    verifyProgram(program);
    return String(explainProgram(program));
  };

  it("takes what was found of its health, too, and of a container without checks nothing more than before", () => {
    const [without, withChecks] = [listing({}), listing({ healthcheck: CHECK })];
    expect(without).not.toContain("health");
    expect(withChecks.match(/"health"/g)).toHaveLength(2);
    expect(withChecks.match(/"health.new"/g)).toHaveLength(2);
  });
});

describe("merge", () => {
  async function* give<T>(...values: T[]): AsyncGenerator<T> {
    yield* values;
  }
  const never: AsyncIterable<number> = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }) };
  const all = async <T>(source: AsyncIterable<T>) => {
    const taken: T[] = [];
    for await (const one of source) taken.push(one);
    return taken;
  };

  it("gives all of all sources, each in its order", async () => {
    const taken = await all(merge(give(1, 2, 3), give(10, 20), give<number>()));
    expect(taken.filter((one) => one < 10)).toEqual([1, 2, 3]);
    expect(taken.filter((one) => one >= 10)).toEqual([10, 20]);
  });

  it("does not wait for a source that gives nothing", async () => {
    for await (const one of merge(never, give(1))) {
      expect(one).toBe(1);
      break;
    }
  });

  it("fails with the first that fails", async () => {
    const failing = (async function* () {
      yield 1;
      throw new RangeError("over");
    })();
    await expect(all(merge(failing, never))).rejects.toThrow("over");
  });
});
