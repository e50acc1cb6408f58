import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { installed, requires } from "../support/prerequisite.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const isRoot = process.getuid?.() === 0;
const available = requires("dockerd", installed("dockerd") && isRoot, "Docker Engine (docker.io), started as root");

/** A Docker Engine of the test's own: socket, data and processes in one directory, no network. */
const directory = available ? mkdtempSync("/tmp/ct-docker-") : "";
const socket = `unix://${directory}/socket`;
let engine: ChildProcess;

const docker = (...words: string[]) => spawnSync("docker", ["-H", socket, ...words], { encoding: "utf8" });

/** Runs the single-file ct in an unprivileged Docker container. */
function ctInDocker(user: number, options: readonly string[], words: readonly string[]) {
  const container = [
    "run",
    "--rm",
    "--net=none",
    `--user=${user}`,
    "-v",
    `${repository}/dist/ct:/ct:ro`,
    ...options,
    "busybox",
  ];
  const { status, stdout, stderr } = docker(...container, "/ct", ...words);
  return { status, stdout, stderr };
}

describe.runIf(available)("ct in an unprivileged Docker container", () => {
  beforeAll(async () => {
    execFileSync(`${repository}/scripts/build-bin.sh`, { stdio: "ignore" });
    mkdirSync(`${directory}/root/bin`, { recursive: true });
    for (const name of ["tmp", "etc", "proc", "sys", "dev", "lib64"]) mkdirSync(`${directory}/root/${name}`);
    cpSync("/bin/busybox", `${directory}/root/bin/busybox`, { dereference: true });
    for (const name of ["sh", "id", "touch", "ls"]) symlinkSync("busybox", `${directory}/root/bin/${name}`);
    chmodSync(`${directory}/root/tmp`, 0o1777);
    copyLibraries(`${repository}/dist/ct`);
    const places = ["--data-root", `${directory}/data`, "--exec-root", `${directory}/exec`, "-p", `${directory}/pid`];
    engine = spawn("dockerd", ["-H", socket, ...places, "--bridge=none", "--iptables=false", "--ip6tables=false"], {
      stdio: "ignore",
    });
    while (docker("info").status !== 0) await new Promise((resolve) => setTimeout(resolve, 100));
    execFileSync("sh", ["-c", `tar -C ${directory}/root -c . | docker -H ${socket} import - busybox`], {
      stdio: "ignore",
    });
  });

  afterAll(async () => {
    const ended = new Promise((resolve) => engine.once("exit", resolve));
    engine.kill("SIGTERM");
    await ended;
    rmSync(directory, { recursive: true, force: true });
  });

  describe.each([0, 1000])("as user %i", (user) => {
    it("says that the outer container's seccomp filter forbids user namespaces, and what to do: it does not fall back to less", () => {
      for (const words of [
        ["run", "--", "id"],
        ["run", "--sandbox", "--", "id"],
      ]) {
        const { status, stdout, stderr } = ctInDocker(user, [], words);
        expect({ status, stdout }).toEqual({ status: 125, stdout: "" });
        expect(stderr).toContain("user namespaces cannot be made here: EPERM");
        expect(stderr).toContain("docker run --security-opt seccomp=unconfined");
      }
    });

    it('sandboxes with isolation "landlock" when that is asked for', () => {
      const script = "id -u; touch /etc/x; touch /tmp/y && echo written";
      const { stdout, stderr } = ctInDocker(
        user,
        [],
        ["run", "--sandbox", "--isolation", "landlock", "--workspace", "/tmp", "--", "sh", "-c", script],
      );
      expect(stdout).toBe(`${user}\nwritten\n`);
      expect(stderr).toContain("Permission denied");
    });

    it("works in full where the outer container allows user namespaces", () => {
      const allowed = ["--security-opt", "seccomp=unconfined", "--security-opt", "systempaths=unconfined"];
      const whole = ctInDocker(user, allowed, [
        "run",
        "--",
        "sh",
        "-c",
        "id -u; touch /etc/x && echo written; ls /proc/1/ns >/dev/null && echo $$",
      ]);
      expect(whole).toEqual({ status: 0, stdout: "0\nwritten\n1\n", stderr: "" });
      const sandboxed = ctInDocker(user, allowed, ["run", "--sandbox", "--", "sh", "-c", "id -u; touch /etc/x"]);
      expect(sandboxed.stdout).toBe(`${user}\n`);
      expect(sandboxed.stderr).toContain("Read-only file system");
    });
  });
});

/** Bun's binaries are linked dynamically: the image needs the same libraries. */
function copyLibraries(program: string): void {
  const listed = execFileSync("ldd", [program], { encoding: "utf8" });
  for (const [, path] of listed.matchAll(/(\/\S+\.so\S*)/g)) {
    if (!path || !existsSync(path)) continue;
    const target = `${directory}/root${path}`;
    mkdirSync(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    cpSync(path, target, { dereference: true });
  }
}
