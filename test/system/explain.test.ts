import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ContainerSpec, type Host, image, overlay, standard } from "../../src/index.ts";
import { runScript } from "../support/as-user.ts";
import { shell } from "../support/capture.ts";
import { openHost } from "../support/host.ts";
import { hasUserImages, hasUserOverlays, kernel } from "../support/kernel.ts";
import { auditEachTest } from "../support/leaks.ts";
import { busyboxRoot, temporaryDirectory } from "../support/rootfs.ts";

let host: Host;
let rootfs: string;
let work: string;
beforeAll(async () => {
  host = await openHost();
  rootfs = busyboxRoot();
  work = temporaryDirectory();
});
afterAll(() => host[Symbol.asyncDispose]());
auditEachTest();

const userOverlays = hasUserOverlays();
const sandbox = (): ContainerSpec => ({
  ...standard({ userNamespace: userOverlays }),
  root: overlay({ lower: [rootfs] }),
  hostname: "explained",
});

describe("explain", () => {
  it("lists the system calls in order, each with the member that it comes from", async () => {
    await using container = await host.create(sandbox());
    const text = (await container.explain(["/bin/true"])).toString();
    const places = [
      kernel.clone3 ? "clone3" : "clone(",
      "overlay",
      "sethostname",
      "pivot_root",
      "capset",
      "seccomp",
      "execve",
    ].map((call) => text.indexOf(call));
    expect(places).not.toContain(-1);
    expect(places).toEqual([...places].sort((one, other) => one - other));
    for (const member of ["hostname", "mounts[0]", "process.capabilities", "root", "seccomp"])
      expect(text).toContain(member);
  });

  it("makes nothing on the machine, not even an overlay's work directory", async () => {
    const upper = join(work, "upper");
    mkdirSync(upper);
    await using container = await host.create({ ...sandbox(), root: overlay({ lower: [rootfs], upper }) });
    await container.explain(["/bin/true"]);
    expect(existsSync(`${upper}-work`)).toBe(false);
  });

  it.runIf(hasUserImages())("attaches no image to a loop device", async () => {
    // auditEachTest sees that nothing was mounted, started or attached.
    const file = join(work, "root.img");
    writeFileSync(file, Buffer.concat([Buffer.from("hsqs"), Buffer.alloc(4096)]));
    await using other = await host.create({ ...sandbox(), root: image(file) });
    expect((await other.explain(["/bin/true"])).toString()).toContain("/dev/loop");
  });

  it("shows what older kernels would be asked", async () => {
    await using container = await host.create({ ...sandbox(), ...standard({ userNamespace: false }) });
    const old = (await container.explain(["/bin/true"], { kernel: "4.19" })).toString();
    for (const call of ["clone3", "open_tree", "mount_setattr", "close_range"]) expect(old).not.toContain(call);
    expect((await container.explain(["/bin/true"], { kernel: "6.12" })).toString()).toContain("clone3");
  });

  it("says the same before and while the container runs, which it does not disturb", async () => {
    await using container = await host.create(sandbox());
    const before = (await container.explain(["/bin/sleep", "60"])).toString();
    const process = await container.start(["/bin/sleep", "60"]);
    expect((await container.explain(["/bin/sleep", "60"])).toString()).toBe(before);
    await process.kill("SIGKILL");
    await process.wait();
  });

  it.skipIf(!existsSync("/usr/bin/strace") && !process.env.CI)("of a container is what strace sees of it", async () => {
    // The order of the calls that change namespaces and mounts, as the kernel was really asked.
    const seen = await runScript(
      `
      import { execFileSync, spawn } from "node:child_process";
      import { readFileSync } from "node:fs";
      await using host = await openHost();
      // The calls by which the kernel is probed are made now.
      await host.kernel();
      const spec = { root: "${rootfs}", namespaces: ["mount", "pid", "uts"], hostname: "x", mounts: [{ destination: "/proc", type: "proc" }] };
      const tracer = spawn("strace", ["-f", "-e", "trace=mount,pivot_root,umount2,sethostname,chroot,move_mount", "-o", "${work}/trace", "-p", String(host.executorPid)], { stdio: ["ignore", "ignore", "pipe"] });
      await new Promise((resolve) => tracer.stderr.once("data", resolve));
      await using container = await host.create(spec);
      const listing = (await container.explain(["/bin/true"])).toString();
      const process_ = await container.start(["/bin/true"]);
      await process_.wait();
      tracer.kill("SIGINT");
      await new Promise((resolve) => tracer.once("exit", resolve));
      const names = (text: string) => [...text.matchAll(/\\b(mount|pivot_root|umount2|sethostname|chroot|move_mount)\\(/g)].map((match) => match[1]);
      report([names(readFileSync("${work}/trace", "utf8")), names(listing)]);`,
      work,
    ).catch((error: Error) => error);
    if (seen instanceof Error) throw seen;
    const [[traced, explained]] = seen as [[string[], string[]]];
    expect(traced.length).toBeGreaterThan(5);
    expect(traced).toEqual(explained);
  });

  it("runs what it shows: the command sees the same set-up", async () => {
    expect(await shell(host, sandbox(), "hostname; id -u")).toBe("explained\n0");
  });
});
