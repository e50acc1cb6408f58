import { chmodSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { auditEachTest } from "../support/leaks.ts";
import { type Config, ociRuntime } from "../support/oci.ts";
import { compileC } from "../support/playground.ts";

auditEachTest();
const oci = ociRuntime();
afterEach(() => oci.clean());

/** Tries to open what executes it for writing, as long as somebody executes it: the attack of CVE-2019-5736 from within. */
const OVERWRITER = `
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv) {
  char path[64];
  int read_only = open("/proc/self/exe", O_RDONLY);
  printf("exe %s\\n", read_only < 0 ? strerror(errno) : "opened");
  for (int pid = 1; pid < 50; pid++) {
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    char target[256] = "";
    if (readlink(path, target, 255) < 0 || strstr(target, "busybox") || strstr(target, "overwriter")) continue;
    int fd = open(path, O_WRONLY | O_TRUNC);
    printf("%s %s\\n", target, fd < 0 ? strerror(errno) : "WRITTEN");
  }
  return 0;
}`;

describe("CVE-2019-5736: a container that overwrites what executes it", () => {
  const executor = () => readFileSync(new URL("../../prebuilt/ct-executor-x86_64", import.meta.url));
  const evil = (config: Config, root: string) => {
    // The command is the runtime itself, which would load a library of the image's.
    writeFileSync(`${root}/bin/script`, "#!/proc/self/exe\n");
    chmodSync(`${root}/bin/script`, 0o755);
    symlinkSync("/proc/self/exe", `${root}/bin/me`);
    compileC(OVERWRITER, `${root}/bin/overwriter`);
    config.process.args = ["sleep", "1000"];
    config.process.env = ["PATH=/bin", "LD_PRELOAD=/bin/overwriter", "LD_LIBRARY_PATH=/bin"];
  };

  for (const command of ["/bin/me", "/bin/script", "/proc/self/exe"]) {
    it(`gets the sealed copy as ${command}, by run and by exec`, async () => {
      const before = executor();
      const bundle = oci.bundle((config, root) => {
        evil(config, root);
        config.process.args = [command];
      });
      const run = await oci.run(["run", "--bundle", bundle, "self"]);
      expect(run.status).not.toBe(0);
      expect(run.stdout).toBe("");
      await oci.start("host", oci.bundle(evil));
      expect((await oci.run(["exec", "host", command])).status).not.toBe(0);
      expect(executor().equals(before)).toBe(true);
    });
  }

  it("cannot write to what waits to be started, nor to what enters", async () => {
    const bundle = oci.bundle(evil);
    await oci.expect(["create", "--bundle", bundle, "waits"]);
    const seen = await oci.expect(["exec", "waits", "overwriter"]);
    expect(seen).toContain("exe opened");
    // It is a file in memory, with seals that forbid every change.
    expect(seen).toMatch(/memfd:ct-executor \(deleted\) (Operation not permitted|Text file busy)/);
    expect(seen).not.toContain("WRITTEN");
    await oci.expect(["start", "waits"]);
    await expect(oci.state("waits")).resolves.toMatchObject({ status: "running" });
  });
});

describe("CVE-2024-21626: a working directory that is a descriptor of the runtime", () => {
  const NUMBERS = [3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

  it("is refused as WORKDIR, directly and behind a link", async () => {
    for (const fd of NUMBERS) {
      for (const cwd of [`/proc/self/fd/${fd}`, `/link/${fd}`, `/proc/self/fd/${fd}/../..`]) {
        const bundle = oci.bundle((config, root) => {
          symlinkSync("/proc/self/fd", `${root}/link`);
          config.process.cwd = cwd;
          config.process.args = ["sh", "-c", "cat ../../../../../../../../etc/hostname; ls"];
        });
        const { status, stdout, stderr } = await oci.run(["run", "--bundle", bundle, "cwd"]);
        expect({ cwd, status, stdout }).toEqual({ cwd, status: 1, stdout: "" });
        expect(stderr).toContain("process.cwd");
      }
    }
  });

  it("is refused by exec", async () => {
    await oci.start("target", oci.bundle());
    for (const fd of NUMBERS) {
      const { status, stdout } = await oci.run(["exec", "--cwd", `/proc/self/fd/${fd}`, "target", "ls"]);
      expect({ fd, status, stdout }).toEqual({ fd, status: 255, stdout: "" });
    }
  });

  it("finds no descriptor but the streams in what is executed", async () => {
    const list = ["sh", "-c", "for f in /proc/self/fd/*; do readlink $f; done; true"];
    const bundle = oci.bundle((config) => {
      config.process.args = list;
    });
    const count = (text: string) => text.trim().split("\n").length;
    // An open directory is the shell's own.
    expect(count(await oci.expect(["run", "--bundle", bundle, "run"]))).toBeLessThanOrEqual(4);
    await oci.start("target", oci.bundle());
    expect(count(await oci.expect(["exec", "target", ...list]))).toBeLessThanOrEqual(4);
  });
});

describe("CVE-2016-9962: a container that looks at another one while that is made", () => {
  const sharing = (pid: number) => (config: Config) => {
    config.linux.namespaces = (config.linux.namespaces ?? []).map((one) =>
      one.type === "pid" ? { type: "pid", path: `/proc/${pid}/ns/pid` } : one,
    );
    config.process.oomScoreAdj = 300;
  };
  const descriptors = (pid: number) =>
    readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));

  it("finds nothing of the host's in one that waits to be started", async () => {
    const first = await oci.start("first", oci.bundle());
    await oci.expect(["create", "--bundle", oci.bundle(sharing(first)), "second"]);
    const { pid } = await oci.state("second");
    const beyondStreams = descriptors(pid).filter((path) => !/^\/dev\/null$|\/output-\d+\.(out|err)$/.test(path));
    expect(beyondStreams).toEqual([expect.stringMatching(/\/second\/start$/)]);
    expect(readFileSync(`/proc/${pid}/oom_score_adj`, "utf8")).toBe("300\n");
    // The kernel's own parameters would be writable by the host's procfs.
    const search =
      "for fd in /proc/*/fd/*; do ls -d $fd/sys/kernel/core_pattern $fd/record.json 2>/dev/null; done; true";
    for (const looker of ["first", "second"]) {
      expect(await oci.expect(["exec", looker, "sh", "-c", search])).not.toMatch(/core_pattern|record\.json/);
    }
    await oci.expect(["start", "second"]);
    expect(readFileSync(`/proc/${pid}/oom_score_adj`, "utf8")).toBe("300\n");
  });

  it("finds nothing while one after the other is made", async () => {
    const watch = `
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(void) {
  char path[64], target[256];
  setvbuf(stdout, 0, _IONBF, 0);
  printf("ready\\n");
  for (int next = 2;;) {
    for (int pid = next; pid < next + 4; pid++) {
      for (int fd = 3; fd < 12; fd++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
        ssize_t got = readlink(path, target, 255);
        if (got < 0) continue;
        target[got] = 0;
        /* The FIFO that it waits at is all that it may have. */
        if (got > 6 && !strcmp(target + got - 6, "/start")) continue;
        snprintf(path, sizeof path, "/proc/%d/fd/%d/sys/kernel/core_pattern", pid, fd);
        int file = open(path, O_WRONLY);
        printf("%d: %s%s\\n", pid, target, file < 0 ? "" : " WRITABLE");
        if (file >= 0) close(file);
      }
    }
    snprintf(path, sizeof path, "/proc/%d/comm", next);
    int file = open(path, O_RDONLY);
    ssize_t got = file < 0 ? 0 : read(file, target, 250);
    if (file >= 0) close(file);
    if (got > 4 && !memcmp(target, "sleep", 5)) next++;
  }
}`;
    const bundle = oci.bundle((config, root) => {
      compileC(watch, `${root}/bin/watch`);
      config.process.args = ["/bin/watch"];
    });
    await oci.expect(["create", "--bundle", bundle, "watcher"]);
    const { pid } = await oci.state("watcher");
    const output = readlinkSync(`/proc/${pid}/fd/1`);
    await oci.expect(["start", "watcher"]);
    for (let i = 0; i < 10; i++) await oci.start(`watched-${i}`, oci.bundle(sharing(pid)));
    expect(readFileSync(output, "utf8")).toBe("ready\n");
  });
});
