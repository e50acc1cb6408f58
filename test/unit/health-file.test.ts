import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ProgramRunner } from "../../src/executor/index.ts";
import { HealthFile, HealthMemory, type HealthReport, UNCHECKED } from "../../src/records/index.ts";

const RUN = { pid: 1, startTime: 10, bootId: "boot" };
const NEXT_RUN = { ...RUN, startTime: 20 };
const at = (milliseconds: number) => new Date(milliseconds);
const report = (failingStreak: number): HealthReport => ({
  status: failingStreak > 0 ? "unhealthy" : "healthy",
  failingStreak,
  last: { started: at(1), ended: at(2), exitCode: failingStreak > 0 ? 1 : 0, output: "said\n" },
});
const FAILED: HealthReport = { ...report(1), last: { started: at(1), ended: at(2), exitCode: undefined, output: "" } };

/** Gives every lock at once. */
const runner: ProgramRunner = {
  run: (_, handlers) => {
    queueMicrotask(() => handlers.notify?.(1, []));
    const run = { go: () => handlers.done?.(undefined) };
    return run as unknown as ReturnType<ProgramRunner["run"]>;
  },
};

let parent: string;
let directory: string;
let file: HealthFile;
beforeEach(() => {
  parent = mkdtempSync("/tmp/libct-test-health-");
  directory = `${parent}/one`;
  mkdirSync(directory);
  file = new HealthFile(runner, directory);
});
afterEach(() => {
  file.close();
  rmSync(parent, { recursive: true });
});

/** What they have in common, and what tells them apart. */
describe.each([
  ["a container's health in memory", () => new HealthMemory()],
  ["a container's health in its record", () => file],
])("%s", (_, notes) => {
  it("is unknown before the first check", () => {
    expect(notes().read(RUN)).toEqual(UNCHECKED);
  });

  it("is what was noted last", async () => {
    const one = notes();
    expect(await one.change(RUN, () => report(1))).toEqual(report(1));
    expect(await one.change(RUN, ({ failingStreak }) => report(failingStreak + 1))).toEqual(report(2));
    expect(one.read(RUN)).toEqual(report(2));
    await one.change(RUN, () => FAILED);
    expect(one.read(RUN)).toEqual(FAILED);
  });

  it("is that of one run, and says nothing of the next", async () => {
    const one = notes();
    await one.change(RUN, () => report(1));
    expect(one.read(NEXT_RUN)).toEqual(UNCHECKED);
    await one.change(NEXT_RUN, (before) => ({ ...report(0), failingStreak: before.failingStreak }));
    expect(one.read(NEXT_RUN)).toEqual(report(0));
    expect(one.read(RUN)).toEqual(UNCHECKED);
  });

  it("is told to who waits for it, until he stops", async () => {
    const one = notes();
    const stop = new AbortController();
    await one.change(RUN, () => report(0));
    const told: number[] = [];
    for await (const { failingStreak } of one.reports(RUN, stop.signal)) {
      if (told.at(-1) !== failingStreak) told.push(failingStreak);
      if (failingStreak === 2) stop.abort();
      else await one.change(RUN, () => report(failingStreak + 1));
    }
    expect(told).toEqual([0, 1, 2]);
  });
});

describe("the file of a container's health", () => {
  it("is there whole or not at all", async () => {
    await file.change(RUN, () => report(1));
    expect(readdirSync(directory)).toEqual(["health"]);
    expect(JSON.parse(readFileSync(`${directory}/health`, "utf8"))).toMatchObject({ run: RUN, status: "unhealthy" });
  });

  it("stays that of the container when this is renamed, and another one gets its name", async () => {
    renameSync(directory, `${parent}/two`);
    mkdirSync(directory);
    await file.change(RUN, () => report(1));
    expect(readdirSync(directory)).toEqual([]);
    expect(existsSync(`${parent}/two/health`)).toBe(true);
  });

  it("is not made again when the container has gone", async () => {
    rmSync(directory, { recursive: true });
    await expect(file.change(RUN, () => report(1))).rejects.toMatchObject({ code: "ERR_CT_STATE", errno: "ENOENT" });
    expect(() => new HealthFile(runner, directory)).toThrow("ENOENT");
  });

  it.each(["", "{", "null", '{"run":{}}', JSON.stringify({ run: RUN, status: "well" })])(
    "is refused with its path when it holds %j",
    (content) => {
      writeFileSync(`${directory}/health`, content);
      const refused = expect.objectContaining({ code: "ERR_CT_STATE", path: expect.stringContaining("/health") });
      if (content.includes('"run":{}')) expect(file.read(RUN)).toEqual(UNCHECKED);
      else expect(() => file.read(RUN)).toThrow(refused);
    },
  );
});
