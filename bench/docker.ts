import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

const PATIENCE_MS = 30_000;

/** A Docker Engine of the bench's own, in a network namespace that goes with it. */
export interface Engine {
  readonly pid: number;
  /** Runs `docker` with these words. */
  docker(...words: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

export async function startEngine(directory: string): Promise<Engine> {
  mkdirSync(directory);
  const socket = `unix://${directory}/socket`;
  const places = ["--data-root", `${directory}/data`, "--exec-root", `${directory}/exec`, "-p", `${directory}/pid`];
  const flags = ["-H", socket, ...places, "--bridge=none", "--iptables=false", "--ip6tables=false"];
  const script = `ip link set lo up && exec dockerd "$@" >${directory}/log 2>&1`;
  const child = spawn("unshare", ["-n", "sh", "-c", script, "sh", ...flags], { stdio: "ignore" });
  const engine: Engine = {
    pid: child.pid ?? 0,
    docker: (...words) =>
      succeed(spawn("docker", ["-H", socket, ...words], { stdio: ["ignore", "ignore", "inherit"] })),
    async stop() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      if (child.exitCode === null && child.kill("SIGTERM")) await ended;
      // It leaves some of its own directories mounted.
      const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
      const own = mounts.map((line) => line.split(" ")[4] ?? "").filter((place) => place.startsWith(`${directory}/`));
      for (const place of own.reverse()) execFileSync("umount", [place]);
    },
  };
  const deadline = Date.now() + PATIENCE_MS;
  while (spawnSync("docker", ["-H", socket, "info"], { stdio: "ignore" }).status !== 0) {
    if (child.exitCode !== null || Date.now() > deadline) {
      const said = readFileSync(`${directory}/log`, "utf8").slice(-2000);
      await engine.stop();
      throw new Error(`dockerd does not start:\n${said}`);
    }
    await pause(50);
  }
  return engine;
}

function succeed(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => {
      if (status === 0) resolve();
      else reject(new Error(`${child.spawnargs.join(" ")}: status ${status}`));
    });
  });
}
