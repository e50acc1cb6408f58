import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RUN_FLAGS, type RunFlags } from "../../src/cli/flags.ts";
import { parseLimits } from "../../src/cli/parse.ts";
import { type FlagContext, runOptions } from "../../src/cli/run-options.ts";
import { parseFlags } from "../../src/cli/syntax.ts";
import type { RunOptions } from "../../src/host/index.ts";
import { validateProcess, validateSpec } from "../../src/spec/index.ts";

const directory = mkdtempSync("/tmp/ct-cli-options-");
beforeAll(() => {
  mkdirSync(`${directory}/rootfs`);
  writeFileSync(`${directory}/disk.img`, "");
  writeFileSync(`${directory}/allow.json`, '{"defaultAction":"SCMP_ACT_ALLOW"}');
  writeFileSync(`${directory}/odd.json`, '{"defaultAction":"SCMP_ACT_MAYBE"}');
  writeFileSync(`${directory}/broken.json`, "{");
});
afterAll(() => rmSync(directory, { recursive: true }));

const CONTEXT: FlagContext = {
  privileged: true,
  capabilities: ["CAP_KILL"],
  env: { TERM: "vt100" },
  terminal: undefined,
};

/** The flags of a command line. */
const flagsOf = (line: string): RunFlags =>
  parseFlags(
    RUN_FLAGS,
    line.split(" ").filter((word) => word !== ""),
    true,
  ).flags;

const options = (line: string, context: Partial<FlagContext> = {}, root?: string): RunOptions =>
  runOptions(flagsOf(line), { root }, { ...CONTEXT, ...(line.includes("--net host") ? SHARED : {}), ...context });
/** What the words of the network mean is looked up before (cli-network.test.ts). */
const SHARED = { network: { network: "host" } } as const;

const types = ({ namespaces }: RunOptions) =>
  namespaces?.map((one) => (typeof one === "string" ? one : (one.path ?? one.type)));
const rootType = ({ root }: RunOptions) => (typeof root === "object" ? root.type : root);

describe("flags", () => {
  it.each<[line: string, expected: RunOptions]>([
    ["", {}],
    ["--rm", {}],
    ["--read-only --name web --hostname boat", { readonlyRoot: true, name: "web", hostname: "boat" }],
    ["-w /srv -u www-data:staff", { cwd: "/srv", user: "www-data:staff" }],
    ["-e A=1 --env B=2", { env: { A: "1", B: "2" } }],
    ["--net host", { network: "host" }],
    ["--oom-score-adj -500 --personality LINUX32", { oomScoreAdj: -500, personality: "LINUX32" }],
    ["--ulimit nofile=1:2 --ulimit nofile=3", { rlimits: [{ type: "RLIMIT_NOFILE", soft: 3, hard: 3 }] }],
    ["--sysctl net.x=1", { sysctl: { "net.x": "1" } }],
    ["--memory 1G --pids 7", { resources: { memory: { limit: 2 ** 30 }, pids: { limit: 7 } } }],
    [
      "--memory 1G --memory-swap -1 --memory-reservation 512M",
      { resources: { memory: { limit: 2 ** 30, swap: -1, reservation: 2 ** 29 } } },
    ],
    ["--cpus 1.5 --cpu-shares 512", { resources: { cpu: { quota: 150000, period: 100000, shares: 512 } } }],
    ["--cpu-quota 5000 --cpu-period 10000", { resources: { cpu: { quota: 5000, period: 10000 } } }],
    ["--cpuset-cpus 0-1 --cpuset-mems 0", { resources: { cpu: { cpus: "0-1", mems: "0" } } }],
    ["--pids-limit -1 --blkio-weight 20", { resources: { pids: { limit: -1 }, blockIO: { weight: 20 } } }],
    ["--cgroup-driver systemd", { cgroup: { driver: "systemd" } }],
    ["--cgroup-driver systemd --cgroup-parent my.slice", { cgroup: { driver: "systemd", slice: "my.slice" } }],
    [
      "--cgroup-driver cgroupfs --cgroup-parent / --name web",
      { name: "web", cgroup: { driver: "cgroupfs" }, cgroupsPath: "/web" },
    ],
    ["--cgroup-parent /mine/ --name web", { name: "web", cgroupsPath: "/mine/web" }],
    ["--root-mode chroot", { rootMode: "chroot" }],
    ["-t", { terminal: true, env: { TERM: "vt100" } }],
    ["-t -e TERM=dumb", { terminal: true, env: { TERM: "dumb" } }],
    ["-i", {}],
    ["--security-opt no-new-privileges", { noNewPrivileges: true }],
    ["--security-opt no-new-privileges=false", { noNewPrivileges: false }],
    ["--security-opt seccomp:unconfined --security-opt apparmor=p", { seccomp: "unconfined", apparmorProfile: "p" }],
    ["--security-opt label=a:b:c", { selinuxLabel: "a:b:c" }],
    ["--landlock-read /usr --landlock-write /tmp", { landlock: { readOnly: ["/usr"], readWrite: ["/tmp"] } }],
    ["--landlock-connect 443", { landlock: { readOnly: [], readWrite: ["/"], connectTcp: [443] } }],
    ["--user-namespace identity", { userNamespace: true, uidMappings: "identity", gidMappings: "identity" }],
    ["--user-namespace none", { userNamespace: false }],
    ["--uid-map 0:5:1", mapped({ containerID: 0, hostID: 5, size: 1 })],
  ])("%s", (line, expected) => {
    const { root, ...rest } = options(line);
    expect(rest).toEqual(expected);
    expect(rootType({ root: root ?? "" })).toBe("host");
  });

  it("give what the API takes", () => {
    const {
      root: _,
      user,
      cwd,
      env,
      rlimits,
      capabilities,
      landlock,
      ...spec
    } = options(
      "-w /srv -u 1:2 -e A=1 --ulimit core=0 --cap-drop ALL --cap-add kill --landlock-read /usr --namespace time --tmpfs /t",
    );
    const { network: __, userNamespace: ___, ...container } = spec;
    expect(() => validateSpec(container)).not.toThrow();
    expect(() =>
      validateProcess({ args: ["x"], user, cwd, env, rlimits, capabilities, landlock, noNewPrivileges: true }),
    ).not.toThrow();
    expect(capabilities).toEqual({ bounding: ["CAP_KILL"], effective: ["CAP_KILL"], permitted: ["CAP_KILL"] });
  });

  it("give a terminal the size of ct's own", () => {
    expect(options("-t", { terminal: { rows: 33, columns: 77 } }).consoleSize).toEqual({ height: 33, width: 77 });
  });

  it("let --cap-add ALL give what the caller has, and in a user namespace all there are", () => {
    expect(options("--cap-add ALL").capabilities?.bounding).toEqual(["CAP_KILL"]);
    expect(options("--cap-add ALL --user-namespace auto").capabilities?.bounding).toHaveLength(41);
    expect(options("--cap-add ALL", { privileged: false }).capabilities?.bounding).toHaveLength(41);
  });

  it("add mounts in the order bind, tmpfs, mount, renamed devices", () => {
    const { mounts, devices } = options(
      `--device /dev/null:/dev/nil --device /dev/zero --mount type=proc,target=/p --tmpfs /t -v ${directory}:/b`,
    );
    expect(mounts?.map(({ destination }) => destination)).toEqual(["/b", "/t", "/p", "/dev/nil"]);
    expect(devices).toMatchObject([{ path: "/dev/zero", type: "c", major: 1, minor: 5, fileMode: 0o666 }]);
  });

  it("take a seccomp profile from a file", () => {
    expect(options(`--security-opt seccomp=${directory}/allow.json`).seccomp).toEqual({
      defaultAction: "SCMP_ACT_ALLOW",
    });
  });
});

function mapped(map: { containerID: number; hostID: number; size: number }): RunOptions {
  return { userNamespace: true, uidMappings: [map], gidMappings: [map] };
}

describe("namespaces", () => {
  const standard = ["mount", "pid", "ipc", "uts", "cgroup", "network"];

  it("are the standard ones without the flags", () => {
    expect(types(options(""))).toBeUndefined();
  });

  it("are added, joined and left out", () => {
    expect(types(options("--namespace time"))).toEqual([...standard, "time"]);
    expect(types(options("--no-namespace cgroup --no-namespace ipc"))).toEqual(["mount", "pid", "uts", "network"]);
    expect(types(options("--namespace net=/proc/9/ns/net"))?.at(-1)).toBe("/proc/9/ns/net");
    expect(types(options("--namespace time", { privileged: false }))).toEqual(["user", ...standard, "time"]);
    expect(types(options("--net host --namespace time"))).not.toContain("network");
  });

  it("of users are made for maps, and with --namespace user", () => {
    expect(options("--namespace user")).toMatchObject({ userNamespace: true });
    expect(types(options("--namespace user"))).toContain("user");
    expect(options("--no-namespace user", { privileged: false })).toMatchObject({ userNamespace: false });
    expect(types(options("--no-namespace user", { privileged: false }))).not.toContain("user");
  });

  it("of the network that are not the container's own show the host's devices in /sys", () => {
    expect(options("--no-namespace network").network).toBe("host");
    expect(options("--namespace net=/proc/9/ns/net").network).toBe("host");
    expect(options("--namespace time").network).toBe("none");
  });
});

describe("ROOT", () => {
  const of = (root: string | undefined, line = "") => rootType(options(line, {}, root));

  it("is the host, a directory, a file with a filesystem, or layers", () => {
    expect([of(undefined), of("host")]).toEqual(["host", "host"]);
    expect(of(`${directory}/rootfs`)).toBe(`${directory}/rootfs`);
    expect(of(`${directory}/disk.img`)).toBe("image");
    expect(of(undefined, "--lower /a --lower /b --upper /u")).toBe("overlay");
    expect(of(`${directory}/rootfs`, "--upper /u")).toBe("overlay");
  });

  it("must exist, and be one", () => {
    expect(() => of(`${directory}/none`)).toThrow(`ROOT "${directory}/none" does not exist`);
    expect(() => of(directory, "--lower /a")).toThrow("--lower takes the place of ROOT");
    expect(() => of("host", "--upper /u")).toThrow("--upper needs a directory as ROOT");
  });
});

describe("the sandbox", () => {
  it("has options of its own", () => {
    const line =
      "--sandbox --workspace w --allow-read /r --allow-write /a --allow-write /b --allow-env E --memory 1M --pids 5 --isolation landlock";
    expect(options(line)).toEqual({
      sandbox: {
        workspace: "w",
        allowRead: ["/r"],
        allowWrite: ["/a", "/b"],
        network: false,
        allowEnv: ["E"],
        isolation: "landlock",
        memory: 2 ** 20,
        pids: 5,
      },
    });
  });

  it("takes --net host for --allow-net, and host for ROOT", () => {
    expect(options("--sandbox --allow-net").sandbox?.network).toBe(true);
    expect(options("--sandbox --net host", {}, "host")).toMatchObject({ sandbox: { network: true } });
    expect(options("--sandbox --net host")).not.toHaveProperty("network");
  });

  it.each([
    ["--workspace ."],
    ["--allow-read /"],
    ["--allow-write /"],
    ["--allow-net"],
    ["--allow-env A"],
    ["--isolation landlock"],
  ])("is needed for %s", (line) => {
    expect(() => options(line)).toThrow(`${line.split(" ")[0]} is for the sandbox: add --sandbox`);
  });

  it("is over the host's root alone", () => {
    expect(() => options("--sandbox", {}, directory)).toThrow("takes no other ROOT");
    expect(() => options("--sandbox --lower /a")).toThrow("--lower and --sandbox exclude each other");
  });
});

describe("what is wrong", () => {
  it("with a time is that there is none, or more than a timer can wait", () => {
    expect(() => parseLimits({ timeout: "0s" })).toThrow('--timeout "0s": expected a time above 0');
    expect(() => parseLimits({ timeout: "25d" })).toThrow('--timeout "25d": expected at most 24 days');
    expect(parseLimits({ timeout: "24d" })).toMatchObject({ timeout: 24 * 86_400 });
  });

  it.each([
    ["-w srv", '--workdir "srv": expected a path of the container'],
    ["-v /nowhere-at-all:/x", '--bind "/nowhere-at-all:/x": the source /nowhere-at-all does not exist'],
    ["--mount type=bind,src=/nowhere-at-all,dst=/x", "the source /nowhere-at-all does not exist"],
    ["--memory lots", "(--memory)"],
    ["--pids many", '--pids "many": expected a whole number from 1 on'],
    ["--oom-score-adj 2000", "--oom-score-adj"],
    ["--device /dev", "expected a device node that exists on the host"],
    ["--security-opt seccomp", "--security-opt"],
    ["--security-opt fly=1", '--security-opt "fly=1": expected seccomp='],
    ["--security-opt no-new-privileges=perhaps", "--security-opt"],
    ["--security-opt seccomp=/nowhere-at-all", '"/nowhere-at-all": the file does not exist'],
    ["--landlock-read usr", '--landlock-read "usr": expected a path of the container'],
    ["--landlock-bind 65536", "--landlock-bind"],
    ["--user-namespace none --namespace user", "--namespace user and --user-namespace none exclude each other"],
    ["--user-namespace auto --uid-map 0:0:1", "--user-namespace auto exclude each other"],
    ["--uid-map 0:0:1 --no-namespace user", "--uid-map or --gid-map and --no-namespace user exclude each other"],
  ])("%s: %s", (line, text) => {
    expect(() => options(line)).toThrow(text);
  });

  it("in a seccomp profile is told with the flag and the file", () => {
    expect(() => options(`--security-opt seccomp=${directory}/broken.json`)).toThrow(/broken\.json: not JSON/);
    expect(() => options(`--security-opt seccomp=${directory}/odd.json`)).toThrow(`SCMP_ACT_MAYBE`);
    expect(() => options(`--security-opt seccomp=${directory}/odd.json`)).toThrow("odd.json");
  });
});
