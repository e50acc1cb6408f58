import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { auditEachTest } from "../support/leaks.ts";
import { type Config, ociRuntime, replaceByLink } from "../support/oci.ts";
import { temporaryDirectory } from "../support/rootfs.ts";

auditEachTest();
const oci = ociRuntime();
afterEach(() => oci.clean());

const run = (change: (config: Config, root: string) => void) => oci.run(["run", "--bundle", oci.bundle(change), "one"]);
const volume = (config: Config, source: string, destination = "/volume") =>
  config.mounts.unshift({ destination, type: "bind", source, options: ["rbind", "rw"] });

/** A directory that looks like a procfs, and would take what is meant for the kernel. */
function fakeProc(): string {
  const path = temporaryDirectory();
  for (const name of ["self/attr/apparmor", "self/fd", "sys/net/ipv4", "sys/kernel"])
    mkdirSync(`${path}/${name}`, { recursive: true });
  for (const name of ["self/attr/exec", "self/attr/apparmor/exec", "sys/net/ipv4/ip_forward", "self/oom_score_adj"])
    writeFileSync(`${path}/${name}`, "untouched");
  return path;
}
const taken = (fake: string) =>
  execFileSync("grep", ["-rLx", "untouched", fake], { encoding: "utf8" }).trim().split("\n").filter(Boolean);

describe("CVE-2019-16884 and CVE-2023-28642: a /proc that is none, for what is written to it", () => {
  it("cannot be a volume", async () => {
    const fake = fakeProc();
    for (const destination of [
      "/proc",
      "/proc/",
      "//proc",
      "/proc/self",
      "/proc/self/attr",
      "/proc/sys/net",
      "/x/../proc",
    ]) {
      const { status, stderr } = await run((config) => {
        volume(config, fake, destination);
        config.process.oomScoreAdj = 100;
      });
      expect({ destination, status }).toEqual({ destination, status: 1 });
      expect(stderr).toMatch(/mounts\[0\]\.destination/);
    }
    expect(taken(fake)).toEqual([]);
  });

  it("cannot be a link of the image, be its target a directory, a volume or the runtime's descriptors", async () => {
    const fake = fakeProc();
    for (const target of [
      "/tmp",
      "/volume",
      "volume",
      "/volume/self/..",
      "/../../../volume",
      "/proc",
      "/proc/self/fd/5",
    ]) {
      const { status, stderr, stdout } = await run((config, root) => {
        replaceByLink(`${root}/proc`, target);
        volume(config, fake);
        config.linux.sysctl = { "net.ipv4.ip_forward": "1" };
        config.process.oomScoreAdj = 100;
        config.process.args = ["cat", "/proc/self/status"];
      });
      expect({ target, status, stdout }).toEqual({ target, status: 1, stdout: "" });
      expect(stderr).toContain("/proc of the image is a symbolic link");
    }
    expect(taken(fake)).toEqual([]);
  });

  it("CVE-2023-27561: nor can /sys", async () => {
    for (const target of ["/tmp", "/proc", "/volume"]) {
      const { status, stderr } = await run((config, root) => {
        replaceByLink(`${root}/sys`, target);
        volume(config, fakeProc());
      });
      expect({ target, status }).toEqual({ target, status: 1 });
      expect(stderr).toContain("/sys of the image is a symbolic link");
    }
  });

  it("CVE-2025-52881: is not where parameters and scores are written to when the container has no procfs at all", async () => {
    const fake = fakeProc();
    const { status, stdout } = await run((config, root) => {
      // Without a mount the image's own directory is /proc.
      config.mounts = config.mounts.filter(({ destination }) => destination !== "/proc");
      execFileSync("cp", ["-r", `${fake}/.`, `${root}/proc`]);
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
      config.linux.sysctl = { "net.ipv4.ip_forward": "1" };
      config.process.oomScoreAdj = 100;
      config.process.args = ["sh", "-c", "cat /proc/self/oom_score_adj /proc/sys/net/ipv4/ip_forward"];
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: "untoucheduntouched" });
  });
});

describe("CVE-2025-31133: a /dev/null of the image that is a link", () => {
  it("is not what masks are made of", async () => {
    for (const target of ["/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/etc/passwd", "/nowhere"]) {
      const { status, stdout } = await run((config, root) => {
        config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith("/dev"));
        replaceByLink(`${root}/dev/null`, target);
        config.linux.devices = [];
        writeFileSync(`${root}/etc/secret`, "secret\n");
        config.linux.maskedPaths = ["/proc/keys", "/etc/secret"];
        config.process.args = ["sh", "-c", "cat /proc/keys /etc/secret; stat -c '%F %t %T' /proc/keys /etc/secret"];
      });
      // An image that has another /dev/null than a null device may be refused as well.
      if (status !== 0) continue;
      const device = "character special file 1 3";
      expect({ target, stdout }).toEqual({ target, stdout: `${device}\n${device}\n` });
    }
  });

  it("is not what masks are made of when a device of that name is in a volume", async () => {
    const { stdout } = await run((config) => {
      const shared = temporaryDirectory();
      symlinkSync("/proc/kcore", `${shared}/null`);
      config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith("/dev"));
      config.mounts.push({ destination: "/dev", type: "bind", source: shared, options: ["bind"] });
      config.linux.maskedPaths = ["/proc/keys"];
      config.process.args = ["sh", "-c", "stat -c '%F %t %T' /proc/keys"];
    });
    expect(stdout).toBe("character special file 1 3\n");
  });
});

describe("CVE-2025-52565: terminals of the image that are links", () => {
  it("get nothing mounted over what they point at", async () => {
    for (const target of ["/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/etc/passwd"]) {
      const child = oci.spawn(
        [
          "run",
          "--bundle",
          oci.bundle((config, root) => {
            config.process.terminal = true;
            config.mounts = config.mounts.filter(({ destination }) => destination !== "/dev");
            for (const name of ["console", "tty", "ptmx"]) replaceByLink(`${root}/dev/${name}`, target);
            mkdirSync(`${root}/dev/pts/`, { recursive: true });
            config.process.args = [
              "sh",
              "-c",
              "grep -c core_pattern /proc/self/mountinfo; grep -c sysrq /proc/self/mountinfo; cat /etc/passwd",
            ];
          }),
          "terminal",
        ],
        { stdio: ["ignore", "pipe", "pipe"] },
      );
      let said = "";
      for await (const chunk of child.stdout ?? []) said += chunk;
      // It is refused, since the links are no terminals, or nothing lies where they lead.
      if (said !== "") expect(said.split("\r\n").slice(0, 3)).toEqual(["0", "1", expect.stringMatching(/^root:/)]);
    }
  });
});

describe("CVE-2026-41579 and CVE-2024-45310: what the runtime makes itself", () => {
  it("is never made on the host, wherever /dev and mount targets lead", async () => {
    const outside = temporaryDirectory();
    writeFileSync(`${outside}/ptmx`, "the host's");
    for (const [name, target] of [
      ["dev", outside],
      ["dev", `../../../../../../..${outside}`],
      ["dev", `/proc/1/root${outside}`],
      ["made", outside],
      ["made", `/proc/self/fd/6${outside}`],
      ["made", `/proc/self/cwd/../../../../..${outside}`],
    ] as const) {
      await run((config, root) => {
        replaceByLink(`${root}/${name}`, target);
        config.mounts = config.mounts.filter(({ destination }) => destination !== "/dev");
        config.mounts.push({ destination: "/made/by/runtime", type: "tmpfs", source: "tmpfs" });
        config.mounts.push({ destination: "/made/file", type: "bind", source: "/etc/hostname", options: ["bind"] });
        config.linux.devices = [{ path: "/made/node", type: "c", major: 1, minor: 3 }];
        config.process.args = ["true"];
      });
      expect({ target, made: readdirSync(outside) }).toEqual({ target, made: ["ptmx"] });
    }
    expect(readFileSync(`${outside}/ptmx`, "utf8")).toBe("the host's");
    expect(existsSync("/made")).toBe(false);
    rmSync(outside, { recursive: true });
  });
});
