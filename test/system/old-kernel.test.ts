import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readMountInfo } from "../../src/fs/index.ts";
import type { KernelFeatures, RunResult } from "../../src/index.ts";
import { hasUserOverlays } from "../support/kernel.ts";
import { busyboxRoot, compileC, type Failed, inProcess, playground, remove, traces } from "../support/playground.ts";

/** Executes a command under a filter that answers the calls of newer kernels as an older kernel does. */
const LAUNCHER = `
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#define MISSING(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS)
int main(int argc, char **argv) {
  struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    MISSING(SYS_clone3), MISSING(437 /* openat2 */), MISSING(428 /* open_tree */), MISSING(429 /* move_mount */),
    MISSING(430 /* fsopen */), MISSING(431 /* fsconfig */), MISSING(432 /* fsmount */), MISSING(433 /* fspick */),
    MISSING(434 /* pidfd_open */), MISSING(436 /* close_range */), MISSING(442 /* mount_setattr */),
    MISSING(444), MISSING(445), MISSING(446 /* landlock */),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = { sizeof filter / sizeof *filter, filter };
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) return 125;
  execvp(argv[1], argv + 1);
  perror(argv[1]);
  return 126;
}`;

const userOverlays = hasUserOverlays();
let place: string;
let launcher: string;
let root: string;
let before: unknown;

beforeAll(() => {
  before = traces();
  place = playground();
  launcher = compileC(LAUNCHER, `${place}/old-kernel`);
  root = busyboxRoot(`${place}/root`);
  for (const [name, mode] of [
    ["workspace", 0o777],
    ["outside", 0o777],
  ] as const) {
    mkdirSync(`${place}/${name}`);
    chmodSync(`${place}/${name}`, mode);
  }
  writeFileSync(`${place}/file.conf`, "from the host\n");
});
afterAll(() => {
  remove(place);
  expect(traces()).toEqual(before);
});

const onOldKernel = <T>(body: string, uid?: number) =>
  inProcess<T | Failed>(body, { launcher: [launcher], ...(uid === undefined ? {} : { uid }) });

/** Output of a command in a container over the small root. */
const contained = (spec: string, script: string, uid?: number) =>
  onOldKernel<string>(
    `await using container = await host.create({
       ...libct.standard({ userNamespace: ${uid !== undefined} }), root: "${root}", ...(${spec}) });
     const process = await container.start(["/bin/sh", "-c", ${JSON.stringify(script)}]);
     const read = async (stream) => { let text = ""; for await (const chunk of stream) text += chunk; return text; };
     const [out, err] = await Promise.all([read(process.stdout), read(process.stderr), process.wait()]);
     return out + err;`,
    uid,
  );

it("the calls of newer kernels are seen to be missing", async () => {
  const features = await onOldKernel<KernelFeatures>("return host.kernel();");
  expect(features).toMatchObject({
    clone3: false,
    openTree: false,
    fsopen: false,
    mountSetattr: false,
    closeRange: false,
    landlockAbi: 0,
  });
});

for (const [who, uid] of [
  ["root", undefined],
  ["an ordinary user", 12345],
] as const) {
  describe(`on an older kernel, as ${who}`, () => {
    it.runIf(uid === undefined || userOverlays)("a command runs over the machine's own root", async () => {
      const result = await onOldKernel<RunResult>(
        'return host.run(["sh", "-c", "id -u; touch /usr/made; ls /proc/self/fd"]);',
        uid,
      );
      expect(result).toMatchObject({ exitCode: 0, stdout: "0\n0\n1\n2\n3\n", stderr: "" });
    });

    it("a standard container has its mounts and devices, and masked and read-only paths", async () => {
      const out = await contained(
        "{}",
        "echo x > /dev/null && echo null; head -c 4 /dev/zero | cat | ls /dev/pts /dev/shm > /dev/null; cat /proc/keys; echo 1 > /proc/sys/kernel/panic",
        uid,
      );
      expect(out).toMatch(/^null\n.*Read-only file system/s);
    });

    it("bind mounts keep and change their flags", async () => {
      const bind = (destination: string, ...options: string[]) =>
        `{ destination: "${destination}", source: "${place}/workspace", type: "bind", options: ${JSON.stringify(options)} }`;
      const file = `{ destination: "/etc/file.conf", source: "${place}/file.conf", type: "bind", options: ["bind", "ro"] }`;
      const mounts = `[...libct.standard({ userNamespace: ${uid !== undefined} }).mounts, ${bind("/rw", "rbind")}, ${bind("/ro", "rbind", "ro")}, ${bind("/rro", "rbind", "rro", "nosuid")}, ${file}]`;
      const out = await contained(
        `{ mounts: ${mounts} }`,
        `echo a > /rw/made-${uid} && echo ok; echo b > /ro/made; echo c > /rro/made; cat /etc/file.conf; echo d > /etc/file.conf`,
        uid === undefined ? undefined : uid,
      );
      const lines = String(out).split("\n");
      expect(lines.slice(0, 2)).toEqual(["ok", "from the host"]);
      expect(lines.filter((line) => line.includes("Read-only file system"))).toHaveLength(3);
    });

    it("a sandbox writes to its workspace and nowhere else, on whatever filesystem", async () => {
      const directories = ["/", "/usr", "/etc", ...readMountInfo().map(({ mountPoint }) => mountPoint)];
      const files = directories.filter((path) => !path.startsWith("/proc")).map((path) => `${path}/libct-test-escape`);
      const script = `echo x > sandbox-${uid} && echo ok; for f in ${files.join(" ")}; do touch $f 2> /dev/null; done; true`;
      const result = await onOldKernel<RunResult>(
        `return host.run(["sh", "-c", ${JSON.stringify(script)}], { sandbox: { workspace: "${place}/workspace" } });`,
        uid,
      );
      const escaped = files.filter((file) => existsSync(file));
      for (const file of escaped) rmSync(file, { force: true });
      expect(escaped).toEqual([]);
      expect(result).toMatchObject({ exitCode: 0, stdout: "ok\n" });
    });

    it("what needs a newer kernel is refused with its name", async () => {
      const landlock = await onOldKernel<Failed>(
        'return host.run(["true"], { sandbox: { isolation: "landlock" } });',
        uid,
      );
      expect(landlock).toMatchObject({ code: "ERR_CT_NOT_SUPPORTED", member: "process.landlock" });
    });
  });
}

it("an idmapped mount is refused on an older kernel", async () => {
  const map = "[{ containerID: 0, hostID: 1000, size: 1 }]";
  const mount = `{ destination: "/data", source: "${place}", type: "bind", options: ["bind", "idmap"], uidMappings: ${map}, gidMappings: ${map} }`;
  expect(await contained(`{ mounts: [${mount}] }`, "true")).toMatchObject({
    code: "ERR_CT_NOT_SUPPORTED",
    member: "mounts[0]",
  });
});

it("a container is entered, and a bind mount that cannot be added to it is refused", async () => {
  const seen = await onOldKernel<unknown[]>(
    `await using container = await host.create({ ...libct.standard({ userNamespace: false }), root: "${root}" });
     await container.start(["/bin/sleep", "1000"], { stdout: "ignore", stderr: "ignore" });
     const entered = await container.exec(["/bin/sh", "-c", "exit 7"]);
     await container.mount({ destination: "/tmp", type: "tmpfs" });
     const refused = await attempt(() => container.mount({ destination: "/tmp/x", source: "${place}", options: ["bind"] }));
     return [(await entered.wait()).exitCode, refused.code, refused.hint];`,
  );
  expect(seen).toEqual([7, "ERR_CT_NOT_SUPPORTED", "open_tree and move_mount came with Linux 5.2"]);
});
