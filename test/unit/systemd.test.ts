import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { Message } from "../../src/systemd/message.ts";
import { Systemd } from "../../src/systemd/systemd.ts";
import { variant } from "../../src/systemd/value.ts";
import {
  type Answer,
  type FakeBus,
  type FakeOptions,
  fakeBus,
  jobRemoved,
  systemdAnswers,
} from "../support/fake-bus.ts";

const directory = mkdtempSync(join(tmpdir(), "libct-bus-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let [bus, systemd]: [FakeBus | undefined, Systemd | undefined] = [undefined, undefined];
afterEach(async () => {
  systemd?.[Symbol.dispose]();
  await bus?.close();
  [bus, systemd] = [undefined, undefined];
});

let count = 0;

/** Systemd behind a socket that says what the test wants. */
async function opened(
  options: Partial<FakeOptions> = {},
  { private: alone = false, timeout = 2000 } = {},
): Promise<Systemd> {
  const path = join(directory, `bus-${count++}`);
  bus = await fakeBus(path, { answer: systemdAnswers(), ...options });
  systemd = await Systemd.open({ kind: "system", uid: 0, doors: [{ path, bus: !alone }], timeout });
  return systemd;
}

const answering = (member: string, ...answers: readonly Answer[]) => {
  let at = 0;
  return systemdAnswers((call) => (call.member === member ? answers[Math.min(at++, answers.length - 1)] : undefined));
};
const members = () => bus?.calls.map(({ member }) => member);
const PIDS = [["PIDs", variant("au", [42])]] as const;
const JOB = "/org/freedesktop/systemd1/job/9";

describe("systemd over D-Bus", () => {
  it("is greeted on a bus, and asked what it is", async () => {
    const { version, controlGroup, kind } = await opened();
    expect({ version, controlGroup, kind }).toEqual({
      version: 252,
      controlGroup: "/system.slice/a.scope",
      kind: "system",
    });
    expect(bus?.lines).toEqual([`\0AUTH EXTERNAL ${Buffer.from("0").toString("hex")}`, "BEGIN"]);
    expect(members()).toEqual(["Hello", "AddMatch", "Get", "Get"]);
  });

  it("is not greeted on its private socket", async () => {
    await opened({}, { private: true });
    expect(members()).toEqual(["Get", "Get"]);
  });

  it("makes a scope, and waits for the job", async () => {
    const made = await opened();
    expect(await made.startScope("a.scope", PIDS)).toBe("/system.slice/a.scope");
    const call = bus?.calls.find(({ member }) => member === "StartTransientUnit") as Message;
    expect(call).toMatchObject({
      destination: "org.freedesktop.systemd1",
      path: "/org/freedesktop/systemd1",
      interface: "org.freedesktop.systemd1.Manager",
      signature: "ssa(sv)a(sa(sv))",
      body: ["a.scope", "fail", [["PIDs", { signature: "au", value: [42] }]], []],
    });
  });

  it("may tell that the job is done before it tells which job it is, and of others' jobs", async () => {
    const signals = [jobRemoved("/other", "b.scope", "failed"), jobRemoved(JOB, "a.scope", "done")];
    const made = await opened({
      answer: answering("StartTransientUnit", { signature: "o", body: [JOB], before: signals }),
    });
    await made.startScope("a.scope", PIDS);
  });

  it("says how the job ended when it is not done, and nothing is left", async () => {
    const made = await opened({
      answer: answering("StartTransientUnit", {
        signature: "o",
        body: [JOB],
        after: [jobRemoved(JOB, "a.scope", "failed")],
      }),
    });
    await expect(made.startScope("a.scope", PIDS)).rejects.toMatchObject({
      code: "ERR_CT_SYSTEMD",
      message: expect.stringContaining('ended with "failed"'),
    });
    expect(members()).toContain("ResetFailedUnit");
  });

  it("is waited for no longer than that", async () => {
    const answer = answering("StartTransientUnit", { signature: "o", body: [JOB] });
    const made = await opened({ answer }, { timeout: 100 });
    await expect(made.startScope("a.scope", PIDS)).rejects.toMatchObject({
      code: "ERR_CT_SYSTEMD",
      message: expect.stringContaining(`no answer to the job ${JOB}`),
    });
    const silent = await opened({ answer: answering("SetUnitProperties", { silent: true }) }, { timeout: 100 });
    await expect(silent.setProperties("a.scope", [["TasksMax", variant("t", 5n)]])).rejects.toThrow(
      "no answer to SetUnitProperties",
    );
  });

  it("is asked again when a unit of that name has just ended", async () => {
    const exists: Answer = { error: "org.freedesktop.systemd1.UnitExists", text: "it was there" };
    const started: Answer = { signature: "o", body: [JOB], after: [jobRemoved(JOB, "a.scope", "done")] };
    const answers = answering("StartTransientUnit", exists, started);
    const made = await opened({
      answer: (call) =>
        call.body?.[1] === "ActiveState" ? { signature: "v", body: [variant("s", "failed")] } : answers(call),
    });
    await made.startScope("a.scope", PIDS);
    expect(members()?.filter((member) => member === "StartTransientUnit")).toHaveLength(2);
    expect(members()).toContain("ResetFailedUnit");
  });

  it("keeps a unit that is active from whoever wants its name", async () => {
    const made = await opened({
      answer: answering("StartTransientUnit", { error: "org.freedesktop.systemd1.UnitExists" }),
    });
    await expect(made.startScope("a.scope", PIDS)).rejects.toMatchObject({
      code: "ERR_CT_STATE",
      member: "cgroup.name",
    });
    expect(members()).not.toContain("StopUnit");
  });

  it("may refuse a user", async () => {
    const error = "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired";
    const made = await opened({
      answer: answering("StartTransientUnit", { error, text: "Interactive authentication required." }),
    });
    await expect(made.startScope("a.scope", PIDS)).rejects.toMatchObject({
      code: "ERR_CT_NOT_PERMITTED",
      message: expect.stringContaining("Interactive authentication required"),
    });
  });

  it("is told properties for this boot, and asked something else until they hold", async () => {
    const made = await opened();
    await made.setProperties("a.scope", [["TasksMax", variant("t", 5n)]]);
    expect(bus?.calls.at(-2)).toMatchObject({
      member: "SetUnitProperties",
      signature: "sba(sv)",
      body: ["a.scope", true, [["TasksMax", {}]]],
    });
    expect(members()?.at(-1)).toBe("Get");
    expect(await made.scopeProperties("a.scope", ["MemoryMax", "Newer"])).toEqual([
      ["MemoryMax", { signature: "t", value: 5n }],
    ]);
  });

  it("puts a process into a scope", async () => {
    await (await opened()).attach("a.scope", "/workers", 7);
    expect(bus?.calls.at(-1)).toMatchObject({
      member: "AttachProcessesToUnit",
      signature: "ssau",
      body: ["a.scope", "/workers", [7]],
    });
  });

  it("stops a scope, also one that has gone by itself", async () => {
    await (await opened()).stop("a.scope");
    expect(members()?.slice(-2)).toEqual(["StopUnit", "ResetFailedUnit"]);
    const gone = await opened({ answer: answering("StopUnit", { error: "org.freedesktop.systemd1.NoSuchUnit" }) });
    await gone.stop("a.scope");
  });

  it("is missed when the connection ends", async () => {
    const made = await opened({ answer: answering("StartTransientUnit", { silent: true }) });
    const started = made.startScope("a.scope", PIDS);
    await expect.poll(members).toContain("StartTransientUnit");
    await bus?.close();
    await expect(started).rejects.toMatchObject({ code: "ERR_CT_SYSTEMD", message: expect.stringContaining("closed") });
    await expect(made.stop("a.scope")).rejects.toMatchObject({ code: "ERR_CT_SYSTEMD" });
  });
});

describe("a way to systemd", () => {
  const open = (...doors: { path: string; bus: boolean }[]) =>
    Systemd.open({ kind: "user", uid: 0, doors, timeout: 500 });
  const missing = { path: join(directory, "none"), bus: true };

  it("is the first that leads there", async () => {
    const path = join(directory, "second");
    bus = await fakeBus(path, { answer: systemdAnswers() });
    systemd = await open(missing, { path, bus: false });
    expect(systemd.version).toBe(252);
  });

  it("is none where nobody is, and the error names each", async () => {
    await expect(open(missing, { path: join(directory, "neither"), bus: false })).rejects.toMatchObject({
      code: "ERR_CT_NOT_SUPPORTED",
      path: missing.path,
      message: expect.stringMatching(/none: ENOENT; .*neither: ENOENT.*enable-linger/),
    });
  });

  it("is none where this user is refused", async () => {
    const path = join(directory, "strict");
    bus = await fakeBus(path, { says: () => "REJECTED EXTERNAL", answer: systemdAnswers() });
    await expect(open({ path, bus: true })).rejects.toMatchObject({ code: "ERR_CT_NOT_PERMITTED", path });
  });

  it("is none on a bus that systemd is not on", async () => {
    const path = join(directory, "other");
    const answer = answering("Get", { error: "org.freedesktop.DBus.Error.ServiceUnknown" });
    bus = await fakeBus(path, { answer });
    await expect(open({ path, bus: true })).rejects.toMatchObject({
      code: "ERR_CT_NOT_SUPPORTED",
      message: expect.stringContaining("not on this bus"),
    });
  });

  it("is none where something else is spoken, or nothing at all", async () => {
    const path = join(directory, "web");
    bus = await fakeBus(path, { says: () => "HTTP/1.1 400 Bad Request", answer: systemdAnswers() });
    await expect(open({ path, bus: true })).rejects.toMatchObject({
      message: expect.stringContaining("400 Bad Request"),
    });
    await bus.close();
    bus = await fakeBus(path, { says: () => undefined, answer: systemdAnswers() });
    await expect(open({ path, bus: true })).rejects.toThrow(/no handshake in 0.5 s/);
  });
});
