import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, symlinkSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { builtBinaries } from "../support/binaries.ts";
import { DockerEngine, hasDocker } from "../support/docker-engine.ts";
import { requires } from "../support/prerequisite.ts";
import { temporaryDirectory } from "../support/rootfs.ts";

const available = requires("dockerd", hasDocker, "Docker Engine (docker.io), started as root");

/** The image's root. */
const root = temporaryDirectory();
let engine: DockerEngine;
let ct: string;

/** Runs the single-file ct in an unprivileged Docker container. */
async function ctInDocker(user: number, options: readonly string[], words: readonly string[]) {
  const container = ["run", "--rm", "--net=none", `--user=${user}`, "-v", `${ct}:/ct:ro`, ...options, "busybox"];
  return await engine.docker(...container, "/ct", ...words);
}

describe.runIf(available)("ct in an unprivileged Docker container", () => {
  beforeAll(async () => {
    ct = builtBinaries().ct;
    mkdirSync(`${root}/bin`);
    for (const name of ["tmp", "etc", "proc", "sys", "dev", "lib64"]) mkdirSync(`${root}/${name}`);
    cpSync("/bin/busybox", `${root}/bin/busybox`, { dereference: true });
    for (const name of ["sh", "id", "touch", "ls"]) symlinkSync("busybox", `${root}/bin/${name}`);
    chmodSync(`${root}/tmp`, 0o1777);
    copyLibraries(ct);
    engine = await DockerEngine.start({ flags: ["--bridge=none", "--iptables=false", "--ip6tables=false"] });
    engine.import(root, "busybox");
  });

  afterAll(async () => {
    expect(await engine.stop(), "left behind by the engine and its containers").toEqual([]);
  });

  describe.each([0, 1000])("as user %i", (user) => {
    it("says that the outer container's seccomp filter forbids user namespaces, and what to do: it does not fall back to less", async () => {
      for (const words of [
        ["run", "--", "id"],
        ["run", "--sandbox", "--", "id"],
      ]) {
        const { status, stdout, stderr } = await ctInDocker(user, [], words);
        expect({ status, stdout }).toEqual({ status: 125, stdout: "" });
        expect(stderr).toContain("user namespaces cannot be made here: EPERM");
        expect(stderr).toContain("docker run --security-opt seccomp=unconfined");
      }
    });

    it('sandboxes with isolation "landlock" when that is asked for', async () => {
      const script = "id -u; touch /etc/x; touch /tmp/y && echo written";
      const { stdout, stderr } = await ctInDocker(
        user,
        [],
        ["run", "--sandbox", "--isolation", "landlock", "--workspace", "/tmp", "--", "sh", "-c", script],
      );
      expect(stdout).toBe(`${user}\nwritten\n`);
      expect(stderr).toContain("Permission denied");
    });

    it("works in full where the outer container allows user namespaces", async () => {
      const allowed = ["--security-opt", "seccomp=unconfined", "--security-opt", "systempaths=unconfined"];
      const whole = await ctInDocker(user, allowed, [
        "run",
        "--",
        "sh",
        "-c",
        "id -u; touch /etc/x && echo written; ls /proc/1/ns >/dev/null && echo $$",
      ]);
      expect(whole).toEqual({ status: 0, stdout: "0\nwritten\n1\n", stderr: "" });
      const sandboxed = await ctInDocker(user, allowed, ["run", "--sandbox", "--", "sh", "-c", "id -u; touch /etc/x"]);
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
    const target = `${root}${path}`;
    mkdirSync(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    cpSync(path, target, { dereference: true });
  }
}
