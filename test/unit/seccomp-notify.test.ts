import { describe, expect, it } from "vitest";
import { compileContainer, compileEnter, type RecordPlan, type SeccompListener } from "../../src/compile/index.ts";
import { planListener } from "../../src/host/resolve-listener.ts";
import { kernelFeatures, SECCOMP_FILTER_FLAG } from "../../src/linux/index.ts";
import { type Program, verifyProgram } from "../../src/program/index.ts";
import { type ProcessSpec, standard, validateSpec } from "../../src/spec/index.ts";
import { entry } from "../support/arbitrary-entry.ts";
import { FILTER, ROOT_PLANS, resolvedBy } from "../support/arbitrary-spec.ts";
import { listingOf } from "../support/listing.ts";

const LINUX = kernelFeatures("6.12");
const LISTENER: SeccompListener = {
  path: "/run/agent.sock",
  metadata: 'MKDIR="x"',
  state: { ociVersion: "1.3.0", id: "web", status: "creating", bundle: "/", annotations: { key: "ä" } },
  dumpable: false,
};
const HELD: RecordPlan = {
  directory: "/run/libct/containers/web",
  outlives: true,
  autoRemove: false,
  held: true,
  logSize: 4096,
  restart: undefined,
};

function container(process: Partial<ProcessSpec>, listener = LISTENER, record?: RecordPlan): Program {
  const root = ROOT_PLANS.dir;
  const spec = { ...standard({ userNamespace: false }), name: "web", seccomp: "default" } as const;
  return compileContainer(
    resolvedBy({ spec, process, listener, ...(root ? { root } : {}), ...(record ? { record } : {}) }, LINUX),
  );
}

/** The JSON that the monitor sends, when the pid is 77. */
function sent(program: Program): unknown {
  const data = Buffer.from(program.data);
  const from = data.indexOf('{"ociVersion"');
  const text = data.subarray(from, data.indexOf(0, from)).toString("utf8");
  return JSON.parse(text.replace(/"pid": {10}/g, '"pid":         77'));
}

describe("a filter that notifies", () => {
  it("hands its descriptor over before the command is executed, by one write of its process", () => {
    const init = listingOf(container({ noNewPrivileges: true }), "init");
    const order = [
      /seccomp\(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER/,
      /write\(/,
      /read\(/,
      /execve\(/,
    ];
    const after = init.slice(init.indexOf("seccomp("));
    const places = order.map((pattern) => after.search(pattern));
    expect(places.every((place, index) => place >= 0 && place > (places[index - 1] ?? -1))).toBe(true);
    expect(after).not.toContain("close_range");
  });

  it("is taken by the monitor, which sends it with the state of the process", () => {
    const program = container({ noNewPrivileges: true });
    const monitor = listingOf(program, "monitor");
    expect(monitor).toContain("pidfd_open(init, 0)");
    expect(monitor).toContain("pidfd_getfd(pidfd, listener, 0)");
    expect(monitor).toContain('connect(socket, {AF_UNIX, "/run/agent.sock"}, 18)');
    expect(monitor).toContain("SCM_RIGHTS [listener]");
    expect(sent(program)).toEqual({
      ociVersion: "1.3.0",
      fds: ["seccompFd"],
      pid: 77,
      metadata: 'MKDIR="x"',
      state: {
        ociVersion: "1.3.0",
        id: "web",
        status: "creating",
        bundle: "/",
        annotations: { key: "ä" },
        pid: 77,
      },
    });
  });

  it("tells the pid of the container's first process, too, when another one enters", () => {
    const listener: SeccompListener = {
      path: "/run/agent.sock",
      metadata: undefined,
      state: { ociVersion: "1.3.0", id: "web", status: "running", pid: 7, bundle: "/" },
      dumpable: false,
    };
    const seccomp = { filter: FILTER, flags: SECCOMP_FILTER_FLAG.NEW_LISTENER, listener };
    for (const noNewPrivileges of [true, false]) {
      const program = compileEnter(entry(LINUX, { seccomp, process: { args: ["ps"], noNewPrivileges } }));
      expect(verifyProgram(program)).toEqual([]);
      expect(sent(program)).toMatchObject({ pid: 77, state: { status: "running", pid: 7 } });
      expect(listingOf(program, "entered")).not.toContain("PR_SET_DUMPABLE, 1");
    }
  });

  it("keeps every security property, also when the command waits to be started", () => {
    for (const record of [undefined, HELD]) {
      for (const noNewPrivileges of [true, false]) {
        const violations = verifyProgram(container({ noNewPrivileges }, LISTENER, record));
        // The files of a record are the monitor's own.
        expect(violations.filter((text) => !/^(monitor|epilogue)\[/.test(text))).toEqual([]);
      }
    }
  });

  it("is handed over before the container waits to be started, as the monitor has no time for it afterwards", () => {
    const init = listingOf(container({ noNewPrivileges: true }, LISTENER, HELD), "init");
    expect(init.indexOf("seccomp(")).toBeLessThan(init.lastIndexOf("sendto("));
    const monitor = listingOf(container({ noNewPrivileges: true }, LISTENER, HELD), "monitor");
    expect(monitor.indexOf("pidfd_getfd")).toBeLessThan(monitor.indexOf("state.new"));
  });

  it("finds sockets by names that are longer than an address", () => {
    const long: SeccompListener = { ...LISTENER, path: `/run/${"x".repeat(200)}` };
    const monitor = listingOf(container({ noNewPrivileges: true }, long), "monitor");
    expect(monitor).toMatch(/connect\(socket, \{AF_UNIX, "\/proc\/self\/fd\/\{file\}"\}, 27\)/);
    const most: SeccompListener = { ...LISTENER, path: `/run/${"x".repeat(102)}` };
    expect(listingOf(container({}, most), "monitor")).toContain("}, 110)");
  });

  it("makes its process dumpable when the monitor has no rights over others", () => {
    const own = listingOf(container({ noNewPrivileges: true }, { ...LISTENER, dumpable: true }), "init");
    expect(own.indexOf("PR_SET_DUMPABLE, 1")).toBeGreaterThan(0);
    expect(own.indexOf("PR_SET_DUMPABLE, 1")).toBeLessThan(own.indexOf("seccomp("));
  });
});

describe("a profile with SCMP_ACT_NOTIFY", () => {
  const profile = (seccomp: object) => () => validateSpec({ seccomp: { listenerPath: "/run/agent.sock", ...seccomp } });
  const notify = (...names: string[]) => ({ names, action: "SCMP_ACT_NOTIFY" });

  it("must let write(2) through", () => {
    const rules = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [notify("mkdir", "write")] };
    expect(profile(rules)).toThrow("expected no write with SCMP_ACT_NOTIFY (seccomp.syscalls[0].names)");
    expect(profile({ defaultAction: "SCMP_ACT_NOTIFY" })).toThrow("a rule for write with it (seccomp.defaultAction)");
    const allowed = { names: ["write"], action: "SCMP_ACT_ALLOW" };
    expect(profile({ defaultAction: "SCMP_ACT_NOTIFY", syscalls: [allowed] })).not.toThrow();
    const sometimes = { ...allowed, args: [{ index: 0, value: 1, op: "SCMP_CMP_EQ" }] };
    expect(profile({ defaultAction: "SCMP_ACT_NOTIFY", syscalls: [sometimes] })).toThrow("a rule for write");
  });

  const seccomp = { defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/nowhere" } as const;
  const state = LISTENER.state;
  const caller = (privileged: boolean) => ({ privileged }) as never;

  it("is refused where nobody can hand over the listener", () => {
    const told = { state, caller: caller(true), enters: false };
    expect(() => planListener(seccomp, told, kernelFeatures("5.5"))).toThrow("came with Linux 5.6");
    expect(() => planListener(seccomp, told, LINUX)).toThrow("a Unix socket on which somebody listens");
    const user = { state, caller: caller(false), enters: true };
    expect(() => planListener(seccomp, user, LINUX)).toThrow("an ordinary user cannot enter with SCMP_ACT_NOTIFY");
  });
});
