import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { defaultConfig } from "../../src/flavours/oci/default-config.ts";
import { ORDINARY } from "../support/as-user.ts";
import { auditEachTest } from "../support/leaks.ts";
import { type Config, ociRuntime } from "../support/oci.ts";

auditEachTest();
const oci = ociRuntime();
afterEach(() => oci.clean());

/** Runs ct-runtime where `prepare` (shell commands, in a mount namespace of their own) has changed what the machine looks like. */
function runWhere(prepare: string, words: readonly string[], state = `${oci.directory}/state`) {
  const command = [...oci.command.slice(0, -1), state, ...words];
  const { status, stdout, stderr } = spawnSync(
    "unshare",
    ["--mount", "--propagation", "private", "sh", "-c", `set -e\n${prepare}\nexec "$@"`, "sh", ...command],
    { encoding: "utf8", cwd: "/" },
  );
  return { status, stdout, stderr };
}

const saying = (...args: string[]) =>
  oci.bundle((config) => {
    config.process.args = args;
  });
const hello = { status: 0, stdout: "hello\n", stderr: "" };

describe("ct-runtime on a machine", () => {
  it("whose / is read-only", () => {
    const prepare = `mount --bind ${oci.directory} ${oci.directory}; mount -o remount,bind,ro /; ! touch /x 2>/dev/null`;
    expect(runWhere(prepare, ["run", "--bundle", saying("echo", "hello"), "one"])).toEqual(hello);
  });

  it("whose /proc/sys is read-only, unless a parameter is to be set", () => {
    const prepare = "mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys";
    expect(runWhere(prepare, ["run", "--bundle", saying("echo", "hello"), "one"])).toEqual(hello);
    const bundle = oci.bundle((config) => {
      config.linux.sysctl = { "net.ipv4.ip_forward": "1" };
    });
    expect(runWhere(prepare, ["run", "--bundle", bundle, "two"])).toEqual({
      status: 1,
      stdout: "",
      stderr: expect.stringMatching(/net\.ipv4\.ip_forward.*EROFS/),
    });
  });

  it("that has cgroups of both versions, or lacks a hierarchy, or has none", () => {
    const limited = oci.bundle((config) => {
      config.process.args = ["echo", "hello"];
      config.linux.resources = { pids: { limit: 50 } };
    });
    for (const prepare of [
      "true",
      "umount /sys/fs/cgroup/hugetlb /sys/fs/cgroup/blkio 2>/dev/null || true",
      "umount /sys/fs/cgroup/unified 2>/dev/null || true",
    ]) {
      expect([prepare, runWhere(prepare, ["run", "--bundle", limited, "one"])]).toEqual([prepare, hello]);
    }
    const none = runWhere("umount -R /sys/fs/cgroup", ["run", "--bundle", limited, "two"]);
    expect({ ...none, stderr: none.stderr.includes("pids") || none.stderr.includes("cgroup") }).toEqual({
      status: 1,
      stdout: "",
      stderr: true,
    });
  });

  it("that is a container itself", () => {
    // An outer namespace of every kind; its own procfs hides what the machine's shows.
    const words = ["run", "--bundle", saying("echo", "hello"), "one"];
    const inner = [...oci.command, ...words];
    const flags = ["--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup", "--fork", "--mount-proc"];
    const { status, stdout, stderr } = spawnSync("unshare", [...flags, ...inner], { encoding: "utf8", cwd: "/" });
    expect({ status, stdout, stderr }).toEqual(hello);
  });
});

describe("ct-runtime of an ordinary user", () => {
  const rootless = (change: (config: Config) => void = () => undefined) => {
    const bundle = oci.bundle((config) => {
      const args = config.process.args ?? [];
      Object.assign(config, structuredClone(defaultConfig({ uid: ORDINARY, gid: ORDINARY })));
      Object.assign(config.process, { args, terminal: false });
      change(config);
    });
    const home = `${bundle}/home`;
    mkdirSync(home);
    chownSync(home, ORDINARY, ORDINARY);
    chmodSync(home, 0o700);
    const command = (...words: string[]) => {
      const [file = "", ...rest] = [...oci.command.slice(0, -1), `${home}/state`, ...words];
      const result = spawnSync(file, rest, {
        encoding: "utf8",
        cwd: "/",
        uid: ORDINARY,
        gid: ORDINARY,
        env: {
          PATH: "/usr/bin:/bin",
          HOME: home,
          XDG_RUNTIME_DIR: home,
          LIBCT_TEST_RUN: process.env.LIBCT_TEST_RUN ?? "",
        },
        stdio: ["ignore", "pipe", "pipe"],
      });
      return { status: result.status, stdout: result.stdout, stderr: result.stderr };
    };
    return { bundle, command, home };
  };

  it("runs a container in a user namespace, with the config.json of spec --rootless", () => {
    const { bundle, command } = rootless((config) => {
      config.process.args = ["sh", "-c", "id -u; cat /proc/self/uid_map; hostname"];
    });
    const { status, stdout, stderr } = command("run", "--bundle", bundle, "one");
    expect({ status, stdout: stdout.replace(/ +/g, " ") }, stderr).toEqual({
      status: 0,
      stdout: `0\n 0 ${ORDINARY} 1\nct\n`,
    });
  });

  it("creates one, enters it while it waits and when it runs, and deletes it", () => {
    const { bundle, command, home } = rootless();
    const file = `${home}/output`;
    writeFileSync(file, "");
    const [runtime = "", ...rest] = [...oci.command.slice(0, -1), `${home}/state`, "create", "--bundle", bundle, "one"];
    // Its streams must not be ours: a pipe would stay open.
    const made = spawnSync(runtime, rest, {
      cwd: "/",
      uid: ORDINARY,
      gid: ORDINARY,
      env: {
        PATH: "/usr/bin:/bin",
        HOME: home,
        XDG_RUNTIME_DIR: home,
        LIBCT_TEST_RUN: process.env.LIBCT_TEST_RUN ?? "",
      },
      stdio: ["ignore", "ignore", "ignore"],
    });
    expect(made.status).toBe(0);
    const state = () => JSON.parse(command("state", "one").stdout);
    expect(state()).toMatchObject({ status: "created" });
    const { pid } = state();
    expect(readFileSync(`/proc/${pid}/status`, "utf8")).toContain(`Uid:\t${ORDINARY}`);
    expect(command("exec", "one", "id", "-u")).toEqual({ status: 0, stdout: "0\n", stderr: "" });
    expect(command("start", "one")).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(state()).toMatchObject({ status: "running", pid });
    expect(command("exec", "one", "id", "-u")).toEqual({ status: 0, stdout: "0\n", stderr: "" });
    expect(command("delete", "one").status).toBe(1);
    expect(command("delete", "--force", "one")).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(command("list", "-q")).toEqual({ status: 0, stdout: "", stderr: "" });
  });
});
