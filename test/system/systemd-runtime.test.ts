import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { locateExecutor } from "../../src/executor/index.ts";
import { bundle, ORDINARY, reachable, source } from "../support/as-user.ts";
import { auditEachTest } from "../support/leaks.ts";
import { makeRoot, temporaryDirectory } from "../support/rootfs.ts";
import { bootedWithSystemd, show } from "../support/systemd.ts";

auditEachTest();

const booted = bootedWithSystemd("v2");
// Where all is skipped nothing is cleaned up either.
const scratch = booted ? temporaryDirectory() : "";
const root = join(scratch, "rootfs");
let program = "";

beforeAll(() => {
  if (!booted) return;
  makeRoot(root);
  const executor = reachable(locateExecutor().path, scratch);
  const script = `
    import { useExecutor } from "${source}/executor/index.ts";
    import { runtimeMain } from "${source}/cli/runtime/program.ts";
    useExecutor(() => ({ path: ${JSON.stringify(executor)} }));
    process.exit(await runtimeMain(process.argv.slice(2), "0"));
  `;
  program = bundle(script, scratch);
});

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Who calls the runtime: root, or the user who has a manager of his own. */
class Engine {
  readonly #line: readonly string[];
  readonly #directory: string;
  readonly #env: Readonly<Record<string, string>>;

  constructor(name: string, { user = false, globals }: { user?: boolean; globals: readonly string[] }) {
    this.#directory = join(scratch, name);
    mkdirSync(this.#directory);
    const prefix = user ? ["setpriv", `--reuid=${ORDINARY}`, `--regid=${ORDINARY}`, "--clear-groups"] : [];
    if (user) chownSync(this.#directory, ORDINARY, ORDINARY);
    this.#env = user ? { XDG_RUNTIME_DIR: `/run/user/${ORDINARY}` } : {};
    const node = reachable(process.execPath, scratch);
    this.#line = [...prefix, node, program, "--root", join(this.#directory, "state"), ...globals];
  }

  /** The container keeps the streams that `create` has: so those are files. */
  run(...words: readonly string[]): Outcome {
    const files = ["stdout", "stderr"].map((name) => join(this.#directory, name));
    const [command = "", ...args] = this.#line;
    const line = `exec "$@" >${files[0]} 2>${files[1]} </dev/null`;
    const { status } = spawnSync("sh", ["-c", line, "sh", command, ...args, ...words], {
      stdio: "ignore",
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...this.#env },
    });
    const [stdout = "", stderr = ""] = files.map((file) => readFileSync(file, "utf8"));
    return { status, stdout, stderr };
  }

  succeed(...words: readonly string[]): string {
    const outcome = this.run(...words);
    expect(outcome, words.join(" ")).toMatchObject({ status: 0 });
    return outcome.stdout;
  }

  state(id: string): { readonly status: string; readonly pid: number } {
    return JSON.parse(this.succeed("state", id));
  }

  /** The directory of a bundle that has this `linux`. */
  bundleOf(linux: { readonly namespaces?: readonly { readonly type: string }[]; readonly [member: string]: unknown }) {
    const directory = join(this.#directory, "bundle");
    mkdirSync(directory, { recursive: true });
    const namespaces = [{ type: "mount" }, { type: "pid" }, ...(linux.namespaces ?? [])];
    const config = {
      ociVersion: "1.2.0",
      root: { path: root },
      process: { args: ["sleep", "1000"], cwd: "/", env: ["PATH=/bin"], user: { uid: 0, gid: 0 } },
      mounts: [{ destination: "/proc", type: "proc", source: "proc" }],
      linux: { ...linux, namespaces },
    };
    writeFileSync(join(directory, "config.json"), JSON.stringify(config));
    chmodSync(directory, 0o755);
    return directory;
  }
}

describe.runIf(booted)("ct-runtime --systemd-cgroup", () => {
  it("leads a container through its life in a scope", async () => {
    const engine = new Engine("life", { globals: ["--systemd-cgroup"] });
    const cgroupsPath = "engine-test.slice:engine:life";
    const [unit, directory] = ["engine-life.scope", "/sys/fs/cgroup/engine.slice/engine-test.slice/engine-life.scope"];
    const read = (file: string) => readFileSync(`${directory}/${file}`, "utf8").trim();
    const resources = { memory: { limit: 64 << 20 }, pids: { limit: 40 } };
    engine.succeed("create", "--bundle", engine.bundleOf({ cgroupsPath, resources }), "life");
    const { status, pid } = engine.state("life");
    expect([status, read("cgroup.procs")]).toEqual(["created", String(pid)]);
    expect(show(unit, "ActiveState", "Slice", "Delegate", "MemoryMax", "TasksMax")).toEqual([
      "active",
      "engine-test.slice",
      "yes",
      "67108864",
      "40",
    ]);
    expect(show(unit, "ControlGroup")).toEqual([directory.slice("/sys/fs/cgroup".length)]);

    engine.succeed("start", "life");
    expect(engine.state("life").status).toBe("running");
    expect(engine.succeed("exec", "life", "cat", "/proc/self/cgroup")).toContain(unit);
    engine.succeed("pause", "life");
    expect([engine.state("life").status, read("cgroup.freeze")]).toEqual(["paused", "1"]);
    engine.succeed("resume", "life");
    engine.succeed("update", "--memory", "96M", "--cpu-quota", "12345", "--cpu-period", "50000", "life");
    expect(show(unit, "MemoryMax", "CPUQuotaPerSecUSec")).toEqual(["100663296", "250ms"]);
    expect(["memory.max", "cpu.max"].map(read)).toEqual(["100663296", "12345 50000"]);

    engine.succeed("kill", "life", "KILL");
    await expect.poll(() => engine.state("life").status, { timeout: 20_000 }).toBe("stopped");
    engine.succeed("delete", "life");
    await expect.poll(() => show(unit, "LoadState"), { timeout: 20_000 }).toEqual(["not-found"]);
    expect(existsSync(directory)).toBe(false);
    execFileSync("systemctl", ["stop", "engine.slice"]);
  });

  it("has a scope in system.slice when config.json says nothing, also as --cgroup-manager systemd", () => {
    const engine = new Engine("default", { globals: ["--cgroup-manager", "systemd"] });
    engine.succeed("create", "--bundle", engine.bundleOf({}), "a+b");
    const unit = "ct-runtime-a\\x2bb.scope";
    expect(show(unit, "ActiveState", "Slice")).toEqual(["active", "system.slice"]);
    engine.succeed("delete", "--force", "a+b");
    expect(show(unit, "LoadState")).toEqual(["not-found"]);
    expect(existsSync(`/sys/fs/cgroup/system.slice/${unit}`)).toBe(false);
  });

  it("is refused a scope that is another's, which lives on", () => {
    const engine = new Engine("taken", { globals: ["--systemd-cgroup"] });
    const bundleOf = () => engine.bundleOf({ cgroupsPath: ":engine:taken" });
    engine.succeed("create", "--bundle", bundleOf(), "first");
    const second = engine.run("create", "--bundle", bundleOf(), "second");
    expect(second).toMatchObject({ status: 1, stderr: expect.stringContaining("engine-taken.scope") });
    expect(second.stderr).toContain("linux.cgroupsPath");
    expect(engine.run("state", "second").status).toBe(1);
    expect([engine.state("first").status, ...show("engine-taken.scope", "ActiveState")]).toEqual(["created", "active"]);
    engine.succeed("delete", "first");
    expect(show("engine-taken.scope", "LoadState")).toEqual(["not-found"]);
  });

  it("leaves no scope behind a command that is not there", () => {
    const engine = new Engine("nothing", { globals: ["--systemd-cgroup"] });
    const directory = engine.bundleOf({ cgroupsPath: ":engine:nothing" });
    const config = join(directory, "config.json");
    writeFileSync(config, readFileSync(config, "utf8").replace('"sleep"', '"/no/such"'));
    expect(engine.run("create", "--bundle", directory, "nothing").status).toBe(1);
    expect(show("engine-nothing.scope", "LoadState")).toEqual(["not-found"]);
  });
});

describe.runIf(booted && existsSync(`/run/user/${ORDINARY}`))("ct-runtime --systemd-cgroup of an ordinary user", () => {
  it("has a scope of his own manager's, which is entered and removed", async () => {
    const engine = new Engine("user", { user: true, globals: ["--systemd-cgroup"] });
    const unit = "ct-runtime-mine.scope";
    const manager = `/sys/fs/cgroup/user.slice/user-${ORDINARY}.slice/user@${ORDINARY}.service`;
    const directory = `${manager}/user.slice/${unit}`;
    const map = (hostID: number) => [{ containerID: 0, hostID, size: 1 }];
    const linux = {
      namespaces: [{ type: "user" }],
      uidMappings: map(ORDINARY),
      gidMappings: map(ORDINARY),
      resources: { memory: { limit: 64 << 20 } },
    };
    engine.succeed("create", "--bundle", engine.bundleOf(linux), "mine");
    expect(readFileSync(`${directory}/cgroup.procs`, "utf8").trim()).toBe(String(engine.state("mine").pid));
    expect(readFileSync(`${directory}/memory.max`, "utf8").trim()).toBe("67108864");
    engine.succeed("start", "mine");
    expect(engine.succeed("exec", "mine", "cat", "/proc/self/cgroup")).toContain(unit);
    engine.succeed("update", "--memory", "80M", "mine");
    expect(readFileSync(`${directory}/memory.max`, "utf8").trim()).toBe("83886080");
    engine.succeed("delete", "--force", "mine");
    await expect.poll(() => existsSync(directory), { timeout: 20_000 }).toBe(false);
  });
});
