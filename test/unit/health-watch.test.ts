import { describe, expect, it } from "vitest";
import { LibctError } from "../../src/errors.ts";
import { type Checked, checkOnce, watchHealth } from "../../src/host/health.ts";
import { healthEvents } from "../../src/host/health-events.ts";
import { HealthKeeper } from "../../src/host/health-keeper.ts";
import type { ExitStatus, HealthReport, Process } from "../../src/index.ts";
import { HealthMemory, identify } from "../../src/records/index.ts";

const init = identify(process.pid) ?? { pid: 0, startTime: 0, bootId: "" };

/** A container that does nothing but answer its checks, with these exit statuses and then with the last one for ever. */
class Answering implements Checked {
  readonly name = "answering";
  readonly healthcheck = { command: ["true"], interval: 0.001, retries: 2 };
  readonly notes = new HealthMemory();
  readonly #answers: (number | LibctError)[];
  #end: (status: ExitStatus) => void = () => undefined;
  readonly #ended = new Promise<ExitStatus>((resolve) => {
    this.#end = resolve;
  });
  checks = 0;

  constructor(...answers: (number | LibctError)[]) {
    this.#answers = answers;
  }

  end(): void {
    this.#end({ exitCode: 0, signal: null } as ExitStatus);
  }

  readonly runs = () => [{ restarts: 0, ended: this.#ended }];

  readonly running = async () => ({ name: this.name, init, spec: {}, cgroups: [] });

  readonly enter = async () => {
    this.checks += 1;
    const answer = (this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0]) ?? 0;
    if (answer instanceof LibctError) throw answer;
    const ended = { exitCode: answer, signal: null };
    return { stdout: null, stderr: null, wait: async () => ended } as unknown as Process;
  };
}

async function take(count: number, reports: AsyncIterable<HealthReport>): Promise<string[]> {
  const taken: string[] = [];
  for await (const { status, failingStreak } of reports) {
    taken.push(`${status} ${failingStreak}`);
    if (taken.length === count) break;
  }
  return taken;
}
const paused = new LibctError("ERR_CT_STATE", "container answering is paused");

describe("the checks of a container's health", () => {
  it("go on at its intervals", async () => {
    const reports = watchHealth(new Answering(1, 0, 1, 1, 0), undefined);
    expect(await take(5, reports)).toEqual(["starting 1", "healthy 0", "healthy 1", "unhealthy 2", "healthy 0"]);
  });

  it("end with the container", async () => {
    const container = new Answering(0);
    const reports = watchHealth(container, undefined);
    expect((await reports.next()).value).toMatchObject({ status: "healthy" });
    container.end();
    expect(await reports.next()).toMatchObject({ done: true });
  });

  it("end when the signal fires, also before they begin", async () => {
    const container = new Answering(0);
    expect(await take(1, watchHealth(container, AbortSignal.abort()))).toEqual([]);
    expect(container.checks).toBe(0);
  });

  it("leave out what cannot be checked now", async () => {
    expect(await take(2, watchHealth(new Answering(1, paused, paused, 1), undefined))).toEqual([
      "starting 1",
      "unhealthy 2",
    ]);
  });

  it("take a command that is not there for a failure, and tell its error", async () => {
    const missing = new LibctError("ERR_CT_COMMAND_NOT_FOUND", "there is no /bin/check");
    const report = await checkOnce(new Answering(missing));
    expect(report).toMatchObject({ failingStreak: 1, last: { exitCode: undefined, output: "there is no /bin/check" } });
  });

  it("fail with what is nobody's health: an executor that is gone, a disk that is full", async () => {
    const gone = new LibctError("ERR_CT_EXECUTOR", "the executor is gone");
    await expect(watchHealth(new Answering(gone), undefined).next()).rejects.toBe(gone);
    const full = new LibctError("ERR_CT_STATE", "cannot write the container's health", { errno: "ENOSPC" });
    await expect(watchHealth(new Answering(full), undefined).next()).rejects.toBe(full);
  });

  it("tell who asks for one why it cannot be made", async () => {
    await expect(checkOnce(new Answering(paused))).rejects.toBe(paused);
  });
});

describe("who checks a container by itself", () => {
  it("tells each reader from now on", async () => {
    const container = new Answering(1, 1, 0);
    const keeper = new HealthKeeper(container);
    const [one, other] = await Promise.all([take(3, keeper.reports(undefined)), take(2, keeper.reports(undefined))]);
    expect(one).toEqual(["starting 1", "unhealthy 2", "healthy 0"]);
    expect(other).toEqual(["starting 1", "unhealthy 2"]);
    container.end();
    expect(await take(9, keeper.reports(AbortSignal.abort()))).toEqual([]);
  });

  it("tells its readers why it has ended", async () => {
    const gone = new LibctError("ERR_CT_EXECUTOR", "the executor is gone");
    await expect(take(1, new HealthKeeper(new Answering(gone)).reports(undefined))).rejects.toBe(gone);
  });
});

describe("the events of a container's health", () => {
  it("are its changes", async () => {
    const container = new Answering(1, 1, 1, 0);
    const keeper = new HealthKeeper(container);
    const stop = new AbortController();
    const told: string[] = [];
    for await (const { health } of healthEvents(async () => container, stop.signal)) {
      told.push(health);
      if (health === "healthy") stop.abort();
    }
    expect(told).toEqual(["unhealthy", "healthy"]);
    container.end();
    for await (const _ of keeper.reports(undefined));
  });

  it("are none when the container has ended by then", async () => {
    const look = () => Promise.reject(new LibctError("ERR_CT_STATE", "container answering is not running"));
    for await (const event of healthEvents(look, new AbortController().signal)) expect(event).toBeUndefined();
  });
});
