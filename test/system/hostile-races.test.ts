import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { auditEachTest } from "../support/leaks.ts";
import { type Config, exitOf, ociRuntime, replaceByLink } from "../support/oci.ts";
import { compileC } from "../support/playground.ts";
import { temporaryDirectory } from "../support/rootfs.ts";

auditEachTest();
const oci = ociRuntime();
const directory = temporaryDirectory();
const swapper = compileC(
  `
#define _GNU_SOURCE
#include <stdio.h>
#include <fcntl.h>
int main(int argc, char **argv) {
  for (;;) {
    renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE);
  }
}`,
  `${directory}/swapper`,
);
const running: ChildProcess[] = [];
const swap = (one: string, other: string) => running.push(spawn(swapper, [one, other], { stdio: "ignore" }));
async function settle() {
  for (const child of running.splice(0)) {
    const ended = exitOf(child);
    child.kill("SIGKILL");
    await ended;
  }
}
afterEach(async () => {
  await settle();
  await oci.clean();
});
afterAll(settle);

const ATTEMPTS = 30;

/** Makes containers one after the other; gives what each has said, and counts those that were refused. */
async function attempt(change: (config: Config, root: string) => void) {
  const bundle = oci.bundle(change);
  const said: string[] = [];
  let refused = 0;
  for (let i = 0; i < ATTEMPTS; i++) {
    const { status, stdout } = await oci.run(["run", "--bundle", bundle, `race-${i}`]);
    if (status !== 0) refused++;
    said.push(stdout);
  }
  return { said, refused };
}

const HOST_MOUNTS = () =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4]);

describe("CVE-2021-30465: mount targets in a shared volume that are exchanged for links meanwhile", () => {
  for (const [name, target] of [
    ["the root", "/"],
    ["the host's root by a descriptor", "/proc/self/fd/6"],
    ["far above", "/../../../../../../../../../.."],
    ["the working directory of the runtime", "/proc/self/cwd"],
  ] as const) {
    it(`show nothing of the host's by a link to ${name}`, async () => {
      const shared = temporaryDirectory();
      const outside = temporaryDirectory();
      writeFileSync(`${outside}/secret`, "of the host\n");
      mkdirSync(`${shared}/target`);
      symlinkSync(target, `${shared}/link`);
      swap(`${shared}/target`, `${shared}/link`);
      const before = HOST_MOUNTS().length;
      const { said } = await attempt((config) => {
        config.mounts.push(
          { destination: "/shared", type: "bind", source: shared, options: ["rbind", "rw"] },
          { destination: "/shared/target", type: "tmpfs", source: "tmpfs", options: ["nosuid"] },
          { destination: `/shared/target${outside}`, type: "tmpfs", source: "tmpfs", options: ["nosuid"] },
          // The last one is what the attack is for: its source must not be looked for where the attacker has put something.
          { destination: "/shared/target/made", type: "bind", source: outside, options: ["rbind", "ro"] },
        );
        config.process.args = [
          "sh",
          "-c",
          "ls -d /work /run/ct-runtime /boot /shared/target/../etc/debian_version 2>/dev/null; true",
        ];
      });
      expect(said.join("")).toBe("");
      expect(HOST_MOUNTS().length - before).toBeLessThanOrEqual(0);
      // CVE-2024-45310: nothing is made either.
      expect(readdirSync(outside)).toEqual(["secret"]);
    });
  }
});

describe("CVE-2019-19921: a /proc that leads into a volume, which is exchanged between mount and mask", () => {
  it("is refused each time", async () => {
    const shared = temporaryDirectory();
    for (const name of ["one", "two"]) mkdirSync(`${shared}/${name}`);
    swap(`${shared}/one`, `${shared}/two`);
    const { said, refused } = await attempt((config, root) => {
      replaceByLink(`${root}/proc`, "/volume/one");
      config.mounts.unshift({ destination: "/volume", type: "bind", source: shared, options: ["rbind", "rw"] });
      config.process.args = ["sh", "-c", "cat /volume/*/keys"];
    });
    expect({ said: said.join(""), refused }).toEqual({ said: "", refused: ATTEMPTS });
  });

  it("CVE-2025-52881: does not get what is written to /proc while devices and targets are exchanged", async () => {
    const shared = temporaryDirectory();
    mkdirSync(`${shared}/dev`);
    symlinkSync("/proc/sys/kernel", `${shared}/link`);
    swap(`${shared}/dev`, `${shared}/link`);
    const pattern = readFileSync("/proc/sys/kernel/core_pattern", "utf8");
    const { said } = await attempt((config) => {
      config.mounts.push({ destination: "/shared", type: "bind", source: shared, options: ["rbind", "rw"] });
      config.mounts.push({ destination: "/shared/dev/null", type: "bind", source: "/dev/null", options: ["bind"] });
      config.linux.maskedPaths = ["/shared/dev/core_pattern", "/proc/keys"];
      config.linux.sysctl = { "net.ipv4.ip_forward": "1" };
      config.process.args = [
        "sh",
        "-c",
        "cat /proc/sys/net/ipv4/ip_forward; cat /proc/keys; echo x 2>/dev/null >/proc/sys/kernel/core_pattern; true",
      ];
    });
    expect(new Set(said.filter((text) => text !== ""))).toEqual(new Set(["1\n"]));
    expect(readFileSync("/proc/sys/kernel/core_pattern", "utf8")).toBe(pattern);
  });
});

describe("read-only paths in a shared volume that are exchanged for links meanwhile", () => {
  it("show nothing of the host's", async () => {
    const shared = temporaryDirectory();
    mkdirSync(`${shared}/target`);
    // Once paths are masked the working directory is one of the host's.
    symlinkSync("/proc/self/cwd/..", `${shared}/link`);
    swap(`${shared}/target`, `${shared}/link`);
    const { said } = await attempt((config) => {
      config.mounts.push({ destination: "/shared", type: "bind", source: shared, options: ["rbind", "rw"] });
      config.linux.readonlyPaths = Array(30).fill("/shared/target");
      config.process.args = ["sh", "-c", "grep -E ' / /shared/' /proc/self/mountinfo; true"];
    });
    expect(said.join("")).toBe("");
  });
});
