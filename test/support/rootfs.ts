import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** Where distributions install a busybox without a dynamic loader (Debian's busybox-static). */
const BUSYBOX = "/bin/busybox";

const APPLETS =
  "awk basename cat chmod chown chroot cp cut date dd df dirname dmesg echo env false find free getopt grep head hostname id ifconfig install kill ln ls md5sum mkdir mkfifo mknod mktemp mount mountpoint mv nproc ping ps pwd readlink realpath rm rmdir sed seq setsid sh sleep sort stat stty sync tail tee test timeout touch tr true tty umount uname uniq uptime vi wc whoami xargs yes".split(
    " ",
  );

const made: string[] = [];
// Registered while the test file is read: a hook inside of another hook is never called.
afterAll(() => {
  for (const path of made) rmSync(path, { recursive: true, force: true });
});

/** A directory of this test file alone, readable for everybody, removed when the file is through. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), "ct-test-"));
  chmodSync(path, 0o755);
  made.push(path);
  return path;
}

/** Makes a small root with a busybox, a passwd and empty directories for mounts. */
export function makeRoot(path: string): string {
  for (const name of ["bin", "dev", "etc", "proc", "root", "run", "sys", "tmp", "home"]) {
    mkdirSync(join(path, name), { recursive: true, mode: 0o755 });
  }
  chmodSync(join(path, "tmp"), 0o1777);
  copyFileSync(BUSYBOX, join(path, "bin/busybox"));
  chmodSync(join(path, "bin/busybox"), 0o755);
  for (const name of APPLETS) symlinkSync("busybox", join(path, "bin", name));
  writeFileSync(join(path, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:App:/home:/bin/sh\n");
  writeFileSync(join(path, "etc/group"), "root:x:0:\napp:x:1001:\nstaff:x:50:app\naudio:x:29:root,app\n");
  return path;
}

/** A root for a test file, made once. */
export function busyboxRoot(): string {
  return makeRoot(temporaryDirectory());
}
