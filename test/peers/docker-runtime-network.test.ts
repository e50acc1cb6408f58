import { mkdirSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Result } from "../support/docker-engine.ts";
import { both, dockerAvailable, RUNTIMES, withEngine } from "../support/docker-runtime.ts";
import { temporaryDirectory } from "../support/rootfs.ts";

const SERVER = "mkdir /www; hostname > /www/index.html; echo ready; exec httpd -f -h /www";

describe.runIf(dockerAvailable)(
  "docker with ct-runtime as the default runtime, beside runc: networks, joined namespaces, builds",
  () => {
    const engine = withEngine({ flags: ["--default-runtime", "libct"] });
    const { docker, ask } = engine;

    it("publishes a port of a container on a bridge", async () => {
      for (const [port, runtime] of RUNTIMES.map((name, index) => [18080 + index, name] as const)) {
        const id = await engine.detached(runtime, ["--network=bridge", "--hostname=web", "-p", `${port}:80`], SERVER);
        await engine.logged(id, "ready");
        const get = () => engine.engine.inNetwork("busybox", "wget", "-qO-", `http://127.0.0.1:${port}/`);
        await expect.poll(async () => (await get()).stdout).toBe("web\n");
        await ask("rm", "--force", id);
        expect((await get()).status).not.toBe(0);
      }
    });

    it("lets containers of a network of their own find each other by name, whatever their runtimes", async () => {
      await ask("network", "create", "own");
      const id = await engine.detached("libct", ["--network=own", "--name=web", "--network-alias=alias"], SERVER);
      await engine.logged(id, "ready");
      const get = (name: string) => engine.sameCommand(["--network=own"], "wget", "-qO-", `http://${name}/`);
      expect(await get("alias")).toBe(await get("web"));
      await ask("network", "disconnect", "own", id);
      expect((await engine.run("libct", ["--network=own"], "wget", "-T", "1", "-qO-", "http://web/")).status).not.toBe(
        0,
      );
      await ask("rm", "--force", id);
      await ask("network", "rm", "own");
    });

    it("joins the namespaces of another container, or has the host's", async () => {
      const others = await engine.detached("libct", ["--hostname=web", "--ipc=shareable"], SERVER);
      await engine.logged(others, "ready");
      const joined = [`--network=container:${others}`, `--pid=container:${others}`, `--ipc=container:${others}`];
      const shown = await engine.same(
        joined,
        "wget -qO- http://127.0.0.1/; ps -o args | grep httpd | head -1; cat /proc/1/comm",
      );
      expect(shown).toBe("web\nhttpd -f -h /www\nhttpd\n");
      await ask("rm", "--force", others);
      const own = `ls -l /proc/self/ns/net /proc/self/ns/pid /proc/self/ns/ipc /proc/self/ns/uts | sed 's/.*-> //'`;
      const hosts = ["--network=host", "--pid=host", "--ipc=host", "--uts=host"];
      expect(await engine.same(hosts, own)).not.toBe((await engine.run("libct", [], "sh", "-c", own)).stdout);
    });

    it("builds an image, each step in a container", async () => {
      const file = [
        "FROM busybox",
        "RUN id; echo built > /built && test -w /etc/passwd",
        "RUN echo joe:x:7:8::/home/joe:/bin/sh >> /etc/passwd",
        "WORKDIR /home/joe",
        "USER joe",
        'RUN ["sh", "-c", "id; echo $HOME; touch /built || echo refused"]',
        "CMD cat /built; id; pwd",
      ].join("\n");
      const words = ["build", "--network=none", "--no-cache", "-t", "built", "-"];
      const { status, stdout } = await engine.engine.dockerWith({ input: file }, ...words);
      expect(status).toBe(0);
      // Output and error output come as they come, the latter between signs of colours.
      for (const line of ["uid=7(joe) gid=8 groups=8\n", "/home/joe\n", "refused\n"]) expect(stdout).toContain(line);
      const run = (runtime: string) => docker("run", "--rm", "--network=none", `--runtime=${runtime}`, "built");
      expect(await both(run)).toBe("built\nuid=7(joe) gid=8 groups=8\n/home/joe\n");
      const failing = await engine.engine.dockerWith({ input: "FROM busybox\nRUN exit 3\n" }, ...words);
      expect(failing.stderr).toContain("returned a non-zero code: 3");
      await ask("rmi", "built");
    });

    it("keeps the replicas of a service of a swarm", async () => {
      await ask("swarm", "init", "--advertise-addr", "127.0.0.1");
      const words = [
        "--detach",
        "--no-resolve-image",
        "--replicas=3",
        "--stop-grace-period=0s",
        "--limit-memory=32m",
        "busybox",
      ];
      await ask("service", "create", "--name=sleepers", ...words, "sleep", "1000");
      const replicas = () => ask("service", "ls", "--format", "{{.Replicas}}");
      await expect.poll(replicas, { timeout: 20_000, interval: 200 }).toBe("3/3");
      const ids = (await ask("ps", "--quiet", "--no-trunc")).split("\n");
      expect(await engine.inspect(ids[0] ?? "", "{{.HostConfig.Runtime}}")).toBe("libct");
      // One that dies is replaced.
      await ask("kill", ids[0] ?? "");
      const running = async () => (await ask("ps", "--quiet", "--no-trunc")).split("\n");
      const replaced = async () => (await running()).filter((id) => id !== "" && !ids.includes(id)).length;
      await expect.poll(replaced, { timeout: 20_000, interval: 200 }).toBe(1);
      await ask("service", "rm", "sleepers");
      await expect.poll(async () => (await ask("ps", "--quiet")).length, { timeout: 20_000 }).toBe(0);
      await ask("swarm", "leave", "--force");
    });
  },
);

const maps = temporaryDirectory();

describe.runIf(dockerAvailable)("docker with ct-runtime, beside runc: an engine that maps users", () => {
  mkdirSync(maps, { recursive: true });
  writeFileSync(`${maps}/ids`, "nobody:300000:65536\nnogroup:300000:65536\n");
  const prepare = `mount --bind ${maps}/ids /etc/subuid && mount --bind ${maps}/ids /etc/subgid`;
  const engine = withEngine({ flags: ["--userns-remap=nobody:nogroup"], prepare, namespaces: "m" });

  it("runs containers whose root is nobody on the host", async () => {
    const script =
      "cat /proc/self/uid_map; id; grep -E 'Cap|Seccomp' /proc/self/status; touch /x && stat -c %u:%g /x; hostname; cat /proc/self/cgroup | wc -l; ls -l /dev | cut -c1-11; mknod /tmp/n c 1 3";
    const result = (runtime: "libct" | "runc"): Promise<Result> =>
      engine.run(runtime, ["--hostname=here", "-m", "64m"], "sh", "-c", script);
    const plain = async (runtime: "libct" | "runc") => {
      const { stdout, ...rest } = await result(runtime);
      return {
        ...rest,
        stdout: stdout
          .split("\n")
          .filter((line) => !/^(total|lrwx)/.test(line))
          .join("\n"),
      };
    };
    expect(await both(plain)).toContain("300000      65536");
  });

  it("executes, limits, pauses and stops them", async () => {
    await engine.sameWith(
      ["-m", "64m", "--tmpfs", "/t", "-v", "kept:/kept"],
      "trap 'exit 4' TERM; echo ready; while :; do sleep 0.1; done",
      async (id) => {
        await engine.logged(id, "ready");
        const inside = await engine.ask(
          "exec",
          "-u",
          "app",
          id,
          "sh",
          "-c",
          "id; cat /proc/self/uid_map; ls -ld /t /kept | cut -c1-11",
        );
        await engine.ask("update", "-m", "80m", "--memory-swap", "90m", id);
        await engine.ask("pause", id);
        await engine.ask("unpause", id);
        await engine.ask("stop", "-t", "10", id);
        return [inside, await engine.inspect(id, "{{.State.ExitCode}}")];
      },
    );
    await engine.ask("volume", "rm", "kept");
  });
});
