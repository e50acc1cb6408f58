import { describe, expect, it } from "vitest";
import {
  type CgroupPlan,
  type CgroupRequest,
  type CgroupView,
  canLimit,
  parseLayout,
  planCgroup,
} from "../../src/cgroup/index.ts";

/** A machine made of files; a directory is where a file is. What is listed as not writable is not. */
function machine(
  texts: { cgroup: string; mounts: string[]; controllers?: string },
  files: Record<string, string>,
  readonly: string[] = [],
): CgroupView {
  const layout = parseLayout({
    mountinfo: texts.mounts.join("\n"),
    cgroup: texts.cgroup,
    controllers: texts.controllers ?? "",
  });
  return {
    layout,
    read: (file) => files[file],
    exists: (path) => files[path] !== undefined,
    writable: (path) => !readonly.some((one) => path === one || path.startsWith(`${one}/`)),
  };
}

/** A tree of version 2: directories with processes, controllers and those that are passed on. */
function v2(
  own: string,
  tree: Record<string, { procs?: string; controllers?: string; passes?: string; type?: string }>,
  readonly: string[] = [],
): CgroupView {
  const files: Record<string, string> = {};
  for (const [directory, { procs = "", controllers = "cpu memory pids", passes = "", type }] of Object.entries(tree)) {
    const path = `/cg${directory}`;
    files[`${path}/cgroup.procs`] = procs;
    files[`${path}/cgroup.controllers`] = controllers;
    files[`${path}/cgroup.subtree_control`] = passes;
    if (directory !== "") files[`${path}/cgroup.type`] = `${type ?? "domain"}\n`;
  }
  const mounts = ["41 31 0:38 / /cg rw - cgroup2 cgroup2 rw"];
  return machine(
    { cgroup: `0::${own}\n`, mounts, controllers: tree[""]?.controllers ?? "cpu memory pids" },
    files,
    readonly.map((one) => `/cg${one}`),
  );
}

/** The steps, one a line. */
const steps = (plan: CgroupPlan | undefined) =>
  plan?.steps.map((step) => (step.do === "mkdir" ? `mkdir ${step.path}` : `${step.value} > ${step.file}`));
const plan = (request: Omit<CgroupRequest, "name">, view: CgroupView) =>
  planCgroup({ name: "libct-1", ...request }, view);
const limits = { resources: { pids: { limit: 5 } } };

describe("a container's place with version 2", () => {
  it("is beside its caller, whose parent passes the controllers on", () => {
    const view = v2("/app/main", {
      "": { procs: "1\n", passes: "memory pids" },
      "/app": { controllers: "memory pids", passes: "memory pids" },
      "/app/main": { procs: "7\n", controllers: "memory pids" },
    });
    expect(steps(plan(limits, view))).toEqual(["mkdir /cg/app/libct-1", "5 > /cg/app/libct-1/pids.max"]);
    expect(plan(limits, view)?.handle).toEqual({
      driver: "v2",
      directories: [{ path: "/cg/app/libct-1", version: 2, controllers: ["memory", "pids"] }],
    });
  });

  it("makes a parent without processes pass them on", () => {
    const view = v2("/app/main", {
      "": { procs: "1\n", passes: "memory pids" },
      "/app": { controllers: "memory pids", passes: "memory" },
      "/app/main": { procs: "7\n", controllers: "memory" },
    });
    expect(steps(plan(limits, view))).toEqual([
      "+pids > /cg/app/cgroup.subtree_control",
      "mkdir /cg/app/libct-1",
      "5 > /cg/app/libct-1/pids.max",
    ]);
  });

  it("may be below the top of all, which passes on though it has processes", () => {
    const view = v2("/", { "": { procs: "1\n" } });
    expect(steps(plan(limits, view))).toEqual([
      "+pids +cpu +memory > /cg/cgroup.subtree_control",
      "mkdir /cg/libct-1",
      "5 > /cg/libct-1/pids.max",
    ]);
  });

  it("cannot be below a busy cgroup: that is named, with the way out", () => {
    const view = v2("/app", { "": { procs: "1\n" }, "/app": { procs: "7\n" } }, [
      "/cgroup.procs",
      "/cgroup.subtree_control",
    ]);
    expect(() => plan(limits, view)).toThrow(
      'no cgroup with the pids controller can be made here: /cg/app has processes, so nothing can write "+pids" to its cgroup.subtree_control (resources.pids.limit); hint: start the application in a cgroup below that one',
    );
  });

  it("cannot be below a threaded cgroup", () => {
    const view = v2("/app", { "": { procs: "1\n" }, "/app": { type: "threaded" } }, ["/cgroup.procs"]);
    expect(() => plan(limits, view)).toThrow('/cg/app/cgroup.type says "threaded"');
  });

  it("needs the controllers to be there", () => {
    const view = v2("/app", { "": { procs: "1\n" }, "/app": { controllers: "memory" } }, ["/cgroup.procs"]);
    expect(() => plan(limits, view)).toThrow("/cg/app/cgroup.controllers does not list pids");
  });

  it("is nowhere for a user without delegation: an error when a limit is asked for, and none when not", () => {
    const view = v2("/app", { "": { procs: "1\n" }, "/app": { procs: "7\n" } }, [""]);
    expect(() => plan(limits, view)).toThrow(
      /\/cg\/app may not be written to.*run as root, or let the system delegate/,
    );
    expect(plan({ wanted: true }, view)).toBeUndefined();
    expect(plan({ resources: {} }, view)).toBeUndefined();
    expect(canLimit(limits.resources, view)).toBe(false);
  });

  it("is where an absolute path says, and every parent passes on what is needed", () => {
    const view = v2("/", { "": { procs: "1\n" }, "/a": { passes: "cpu" } });
    expect(steps(plan({ ...limits, cgroupsPath: "/a//b/c/" }, view))).toEqual([
      "+pids +cpu +memory > /cg/cgroup.subtree_control",
      "+pids +memory > /cg/a/cgroup.subtree_control",
      "mkdir /cg/a/b",
      "+cpu +pids +memory > /cg/a/b/cgroup.subtree_control",
      "mkdir /cg/a/b/c",
      "5 > /cg/a/b/c/pids.max",
    ]);
  });

  it("is not made at all when nobody asks for one", () => {
    expect(plan({}, v2("/", { "": {} }))).toBeUndefined();
  });
});

const MOUNTS = [
  "32 31 0:29 / /cg/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
  "33 31 0:30 / /cg/memory rw - cgroup cgroup rw,memory",
  "34 31 0:31 / /cg/cpuset rw - cgroup cgroup rw,cpuset",
  "35 31 0:32 / /cg/systemd rw - cgroup cgroup rw,name=systemd",
];
const FILES = {
  "/cg/cpu,cpuacct/cgroup.procs": "1\n",
  "/cg/memory/cgroup.procs": "1\n",
  "/cg/memory/app/cgroup.procs": "7\n",
  "/cg/systemd/cgroup.procs": "1\n",
  "/cg/cpuset/cgroup.procs": "1\n",
  "/cg/cpuset/cpuset.cpus": "0-3\n",
  "/cg/cpuset/cpuset.mems": "0\n",
};
const CGROUP = "4:cpuset:/\n3:memory:/app\n2:cpu,cpuacct:/\n1:name=systemd:/app\n";

describe("a container's places with version 1", () => {
  const view = machine({ cgroup: CGROUP, mounts: MOUNTS }, FILES);

  it("are one in each hierarchy that counts or limits, and processors and nodes are taken over", () => {
    expect(steps(plan({ resources: { memory: { limit: 4096 } } }, view))).toEqual([
      "mkdir /cg/cpu,cpuacct/libct-1",
      "mkdir /cg/memory/app/libct-1",
      "4096 > /cg/memory/app/libct-1/memory.limit_in_bytes",
      "mkdir /cg/cpuset/libct-1",
      "0-3 > /cg/cpuset/libct-1/cpuset.cpus",
      "0 > /cg/cpuset/libct-1/cpuset.mems",
    ]);
  });

  it("are where an absolute path says in all of them, also in named ones", () => {
    const made = steps(plan({ cgroupsPath: "/x/y" }, view))?.filter((step) => step.startsWith("mkdir"));
    expect(made).toEqual([
      "mkdir /cg/cpu,cpuacct/x",
      "mkdir /cg/cpu,cpuacct/x/y",
      "mkdir /cg/memory/x",
      "mkdir /cg/memory/x/y",
      "mkdir /cg/cpuset/x",
      "mkdir /cg/cpuset/x/y",
      "mkdir /cg/systemd/x",
      "mkdir /cg/systemd/x/y",
    ]);
  });

  it("are only those that may be written to; a limit elsewhere is an error", () => {
    const partly = machine({ cgroup: CGROUP, mounts: MOUNTS }, FILES, ["/cg/memory", "/cg/cpuset"]);
    expect(plan({ wanted: true }, partly)?.handle.directories.map(({ path }) => path)).toEqual([
      "/cg/cpu,cpuacct/libct-1",
    ]);
    expect(() => plan({ resources: { memory: { limit: 4096 } } }, partly)).toThrow(
      "no cgroup with the memory controller can be made here: no directory of /cg/memory may be written to (resources.memory.limit)",
    );
  });

  it("do not exist for a controller that no hierarchy has", () => {
    expect(() => plan(limits, view)).toThrow("no hierarchy that is mounted has it (resources.pids.limit)");
    const none = machine({ cgroup: "", mounts: [] }, {});
    expect(() => plan(limits, none)).toThrow("no cgroup filesystem is mounted (resources.pids.limit)");
    expect(plan({ wanted: true }, none)).toBeUndefined();
  });
});

describe("a container's places on a hybrid machine", () => {
  const mounts = [...MOUNTS, "41 31 0:38 / /cg/unified rw - cgroup2 cgroup2 rw"];
  const files = {
    ...FILES,
    "/cg/unified/cgroup.procs": "1\n",
    "/cg/unified/cgroup.controllers": "hugetlb pids\n",
    "/cg/unified/cgroup.subtree_control": "",
  };
  const view = machine({ cgroup: `${CGROUP}0::/\n`, mounts, controllers: "hugetlb pids\n" }, files);

  it("take each controller where it is, and version 2 for freezing and killing", () => {
    const made = plan({ resources: { memory: { limit: 4096 }, pids: { limit: 3 } } }, view);
    expect(made?.handle.driver).toBe("hybrid");
    expect(made?.handle.directories.map(({ path, version }) => `${version} ${path}`)).toEqual([
      "1 /cg/cpu,cpuacct/libct-1",
      "1 /cg/memory/app/libct-1",
      "1 /cg/cpuset/libct-1",
      "2 /cg/unified/libct-1",
    ]);
    expect(steps(made)).toContain("3 > /cg/unified/libct-1/pids.max");
    expect(steps(made)).toContain("4096 > /cg/memory/app/libct-1/memory.limit_in_bytes");
  });

  it("are stored as JSON and are the same again", () => {
    const handle = plan({ wanted: true }, view)?.handle;
    expect(JSON.parse(JSON.stringify(handle))).toEqual(handle);
  });

  it("keep the rules for devices by a program where version 1 has no devices", () => {
    const devices = plan({ resources: { devices: [{ allow: true }] } }, view)?.devices;
    expect(devices).toMatchObject({ version: 2, directory: "/cg/unified/libct-1" });
  });
});
