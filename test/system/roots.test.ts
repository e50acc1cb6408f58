import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type ContainerSpec,
  dir,
  fuseOverlay,
  type Host,
  hostRoot,
  type ImageOptions,
  image,
  overlay,
  type RootDriver,
  tmpfsRoot,
} from "../../src/index.ts";
import { runScript } from "../support/as-user.ts";
import { capture, mountLine, shell, waitForOutput } from "../support/capture.ts";
import { openHost } from "../support/host.ts";
import { hasUserImages, hasUserOverlays } from "../support/kernel.ts";
import { auditEachTest } from "../support/leaks.ts";
import { busyboxRoot, makeRoot, temporaryDirectory } from "../support/rootfs.ts";

const [userOverlays, userImages] = [hasUserOverlays(), hasUserImages()];
const canOverlay = (namespaces: readonly string[]) => userOverlays || !namespaces.includes("user");

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

const fresh = (name: string) => mkdtempSync(join(work, `${name}-`));
const proc = { destination: "/proc", type: "proc" } as const;

describe("a directory as the root", () => {
  const ways: readonly (readonly [string, () => ContainerSpec])[] = [
    ["chroot without a mount namespace", () => ({ root: rootfs })],
    ["chroot with one", () => ({ root: rootfs, rootMode: "chroot", namespaces: ["mount"] })],
    ["pivot_root", () => ({ root: rootfs, namespaces: ["mount"] })],
    ["a moved mount", () => ({ root: rootfs, rootMode: "move", namespaces: ["mount"] })],
    ["pivot_root in a user namespace", () => ({ root: rootfs, namespaces: ["mount", "user"] })],
    ["chroot in a user namespace", () => ({ root: rootfs, namespaces: ["user"] })],
    ["a moved mount in a user namespace", () => ({ root: rootfs, rootMode: "move", namespaces: ["mount", "user"] })],
  ];
  for (const [how, spec] of ways) {
    it(`is entered by ${how}: what is seen there is the directory, and nothing above it`, async () => {
      writeFileSync(join(rootfs, "marker"), how);
      const seen = await shell(host, spec(), "pwd; cat /marker; cat /../../../marker; ls -a / | tr '\\n' ' '");
      const names = [".", "..", ...readdirSync(rootfs)].sort();
      expect(seen).toBe(`/\n${how}${how}${names.join(" ")}`);
      rmSync(join(rootfs, "marker"));
    });
  }

  it("keeps what the container writes", async () => {
    await shell(host, { root: dir(rootfs), namespaces: ["mount"] }, "echo kept > /tmp/kept");
    expect(readFileSync(join(rootfs, "tmp/kept"), "utf8")).toBe("kept\n");
    rmSync(join(rootfs, "tmp/kept"));
  });

  it("entered by pivot_root is all that is mounted", async () => {
    const seen = await shell(
      host,
      { root: rootfs, namespaces: ["mount", "pid"], mounts: [proc] },
      "cat /proc/self/mountinfo",
    );
    expect(seen.split("\n").map((line) => line.split(" ")[4])).toEqual(["/", "/proc"]);
  });

  it("is read-only when that is asked for, and the host's stays writable", async () => {
    const spec: ContainerSpec = { root: rootfs, readonlyRoot: true, namespaces: ["mount"] };
    const result = await capture(host, spec, ["/bin/touch", "/tmp/x"]);
    expect(result).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("Read-only file system") });
    writeFileSync(join(rootfs, "tmp/y"), "");
    rmSync(join(rootfs, "tmp/y"));
  });

  for (const [wanted, field] of [
    ["private", []],
    ["slave", ["master"]],
    ["shared", ["shared"]],
    ["unbindable", ["unbindable"]],
  ] as const) {
    it(`has the propagation ${wanted} when it is asked for`, async () => {
      const spec: ContainerSpec = { root: rootfs, rootfsPropagation: wanted, namespaces: ["mount"], mounts: [proc] };
      const line = mountLine(await shell(host, spec, "cat /proc/self/mountinfo"), "/");
      // The host's own mounts may be private, and then a slave of them is private too.
      if (wanted === "slave" && line.propagation.length === 0) return;
      expect(line.propagation).toEqual(field);
    });
  }

  it("that does not exist is an error that names it", async () => {
    const spec: ContainerSpec = { root: join(work, "missing"), namespaces: ["mount"] };
    await expect(capture(host, spec, ["/bin/true"])).rejects.toMatchObject({
      code: "ERR_CT_INVALID_SPEC",
      member: "root",
      path: join(work, "missing"),
    });
  });

  it("with blanks, commas, colons and backslashes in its name is a root like any other", async () => {
    const odd = makeRoot(join(work, "a b,c:d\\e\\040f"));
    const both: readonly ContainerSpec[] = [
      { root: odd, namespaces: ["mount"] },
      { root: overlay({ lower: [odd] }), namespaces: ["mount"] },
      ...(userOverlays ? [{ root: overlay({ lower: [odd] }), namespaces: ["mount", "user"] } as const] : []),
    ];
    for (const spec of both) expect(await shell(host, spec, "cat /etc/hostname 2>/dev/null; echo in")).toBe("in");
  });
});

describe("an overlay", () => {
  for (const namespaces of [["mount"], ["mount", "user"]] as const) {
    describe.runIf(canOverlay(namespaces))(`in the namespaces ${namespaces.join(" and ")}`, () => {
      it("shows its layers as one, the topmost first", async () => {
        const [top, middle] = [fresh("top"), fresh("middle")];
        writeFileSync(join(top, "who"), "top");
        writeFileSync(join(middle, "who"), "middle");
        writeFileSync(join(middle, "below"), "middle");
        const spec: ContainerSpec = { root: overlay({ lower: [top, middle, rootfs] }), namespaces };
        expect(await shell(host, spec, "cat /who /below")).toBe("topmiddle");
      });

      it("keeps changes in memory without an upper directory: every container starts anew", async () => {
        const spec: ContainerSpec = { root: overlay({ lower: [rootfs] }), namespaces };
        const script =
          "ls /tmp; echo x > /tmp/new; rm /etc/group; mv /etc/passwd /etc/renamed; mkdir /made; ls /tmp /etc";
        const first = await shell(host, spec, script);
        expect(first).toBe("/etc:\nrenamed\n\n/tmp:\nnew");
        expect(await shell(host, spec, script)).toBe(first);
        expect(readdirSync(join(rootfs, "etc")).sort()).toEqual(["group", "passwd"]);
        expect(readdirSync(join(rootfs, "tmp"))).toEqual([]);
      });

      it("keeps changes in the upper directory, and leaves no work directory", async () => {
        const upper = fresh("upper");
        const spec: ContainerSpec = { root: overlay({ lower: [rootfs], upper }), namespaces };
        await shell(host, spec, "echo kept > /kept; rm /etc/group");
        expect(readFileSync(join(upper, "kept"), "utf8")).toBe("kept\n");
        expect(existsSync(join(rootfs, "kept"))).toBe(false);
        expect(existsSync(join(rootfs, "etc/group"))).toBe(true);
        expect(existsSync(`${upper}-work`)).toBe(false);
        expect(await shell(host, spec, "cat /kept; ls /etc")).toBe("kept\npasswd");
        expect(existsSync(`${upper}-work`)).toBe(false);
      });
    });
  }

  it("has the limit of memory that was asked for", async () => {
    const spec: ContainerSpec = { root: overlay({ lower: [rootfs], size: "1m" }), namespaces: ["mount"] };
    const result = await capture(host, spec, ["/bin/dd", "if=/bin/busybox", "of=/big", "bs=64k", "count=40"]);
    expect(result.stderr).toContain("No space left");
  });

  it("has as many layers as an image may have", async () => {
    const lower = Array.from({ length: 40 }, (_, index) => {
      const layer = join(work, `layers/${"x".repeat(60)}${index}`);
      mkdirSync(layer, { recursive: true });
      writeFileSync(join(layer, `file${index}`), "");
      return layer;
    });
    const spec: ContainerSpec = { root: overlay({ lower: [...lower, rootfs] }), namespaces: ["mount"] };
    expect(await shell(host, spec, "ls / | grep -c file")).toBe("40");
  });
});

describe("the host's root", () => {
  for (const namespaces of [["mount"], ["mount", "user"]] as const) {
    it.runIf(canOverlay(namespaces))(
      `can be changed at will, and nothing reaches the host (${namespaces.join(" and ")})`,
      async () => {
        const name = `ct-test-${process.pid}`;
        const script = `echo x > /usr/local/${name}; echo x > /etc/${name}; echo x > /tmp/${name}; mkdir /var/${name}; echo x >> /etc/hosts.allow; rm -f /etc/debian_version; cat /etc/${name}; ls -d /var/${name}`;
        const seen = await shell(host, { root: hostRoot(), namespaces }, script);
        expect(seen).toBe(`x\n/var/${name}`);
        for (const place of ["/usr/local", "/etc", "/tmp", "/var"]) {
          expect(existsSync(`${place}/${name}`), place).toBe(false);
        }
      },
    );
  }

  it.runIf(userOverlays)("shows the further filesystems of the host, and keeps their changes apart too", async () => {
    const directory = fresh("further");
    const [file, at] = [join(directory, "disk.img"), "/mnt"];
    makeExt4(rootfs, file);
    const script = `
      import { readdirSync } from "node:fs";
      await using host = await openHost();
      for (const namespaces of [["mount"], ["mount", "user"]] as const) {
        const script = "head -n 1 ${at}/etc/passwd; echo x > ${at}/tmp/new; ls ${at}/tmp";
        report(await shell(host, { root: ct.hostRoot(), namespaces }, script));
      }
      report(readdirSync("${at}/tmp"));`;
    const seen = await runScript(script, directory, { prepare: `mount -o loop ${file} ${at}` });
    expect(seen).toEqual(["root:x:0:0:root:/root:/bin/sh\nnew", "root:x:0:0:root:/root:/bin/sh\nnew", []]);
  });
});

describe("an empty root in memory", () => {
  for (const namespaces of [["mount"], ["mount", "user"]] as const) {
    it(`is put together from bind mounts (${namespaces.join(" and ")})`, async () => {
      const spec: ContainerSpec = {
        root: tmpfsRoot({ size: "1m" }),
        namespaces,
        mounts: [{ destination: "/bin", type: "bind", source: join(rootfs, "bin"), options: ["rbind", "ro"] }],
      };
      expect(
        await shell(
          host,
          spec,
          "echo / /*; echo y > /file; cat /file; dd if=/bin/busybox of=/x 2>/dev/null || echo full",
        ),
      ).toBe("/ /bin\ny\nfull");
    });
  }
});

const FORMATS = [
  { type: "ext4", make: (from: string, to: string) => makeExt4(from, to) },
  { type: "squashfs", make: (from: string, to: string) => tool("mksquashfs", [from, to, "-quiet", "-no-progress"]) },
  { type: "erofs", make: (from: string, to: string) => tool("mkfs.erofs", ["--quiet", to, from]) },
] as const;

const tool = (name: string, args: readonly string[]) => execFileSync(name, args, { stdio: "pipe" });

function makeExt4(from: string, to: string): void {
  writeFileSync(to, "");
  truncateSync(to, 32 << 20);
  tool("mkfs.ext4", ["-q", "-d", from, to]);
}

/** Where images with a layer of changes can be the root. */
const IMAGES_IN: readonly NonNullable<ContainerSpec["namespaces"]>[] = [
  ["mount"],
  ...(userImages && userOverlays ? [["mount", "user"] as const] : []),
];

describe("a filesystem in a file", () => {
  for (const { type, make } of FORMATS) {
    for (const namespaces of [["mount"], ["mount", "user"]] as const) {
      describe.runIf(namespaces.length === 1 || userImages)(
        `${type} in the namespaces ${namespaces.join(" and ")}`,
        () => {
          let file: string;
          beforeAll(() => {
            file = join(fresh(type), "root.img");
            make(rootfs, file);
          });
          const spec = (options?: ImageOptions): ContainerSpec => ({ root: image(file, options), namespaces });

          it.runIf(canOverlay(namespaces))("is a root whose changes vanish", async () => {
            const before = statSync(file).mtimeMs;
            const script = "ls /tmp; echo x > /tmp/new; rm /etc/group; ls /tmp /etc; id -u";
            expect(await shell(host, spec(), script)).toBe("/etc:\npasswd\n\n/tmp:\nnew\n0");
            expect(await shell(host, spec(), script)).toBe("/etc:\npasswd\n\n/tmp:\nnew\n0");
            expect(statSync(file).mtimeMs).toBe(before);
          });

          it("is read-only when no changes are wanted", async () => {
            const seen = await shell(host, spec({ changes: "none" }), "touch /tmp/x 2>&1 || cat /etc/passwd");
            expect(seen).toContain("Read-only file system");
            expect(seen).toContain("app:x:1000");
          });

          if (type !== "ext4") return;
          it("keeps changes in the file when that is asked for", async () => {
            await shell(host, spec({ changes: "direct" }), "echo kept > /kept");
            expect(await shell(host, spec({ changes: "none" }), "cat /kept")).toBe("kept");
          });
        },
      );
    }
  }

  it("is used by several containers at the same time", async () => {
    const file = join(fresh("many"), "root.img");
    tool("mksquashfs", [rootfs, file, "-quiet", "-no-progress"]);
    const spec: ContainerSpec = { root: image(file), namespaces: ["mount"] };
    const all = Array.from({ length: 8 }, (_, index) => shell(host, spec, `echo ${index} > /x; cat /x`));
    expect(await Promise.all(all)).toEqual(["0", "1", "2", "3", "4", "5", "6", "7"]);
  });

  it("is gone with its loop device when a container fails to start", async () => {
    const file = join(fresh("failing"), "root.img");
    tool("mksquashfs", [rootfs, file, "-quiet", "-no-progress"]);
    for (const namespaces of IMAGES_IN) {
      await expect(capture(host, { root: image(file), namespaces }, ["/missing"])).rejects.toMatchObject({
        code: "ERR_CT_COMMAND_NOT_FOUND",
      });
    }
  });

  it("that holds no filesystem is refused with what is known", async () => {
    const file = join(work, "noise");
    writeFileSync(file, "noise");
    await expect(capture(host, { root: image(file), namespaces: ["mount"] }, ["/bin/true"])).rejects.toMatchObject({
      code: "ERR_CT_INVALID_SPEC",
      hint: expect.stringContaining("squashfs"),
    });
  });

  it("that is damaged is an error of the kernel's mount", async () => {
    const file = join(work, "damaged.img");
    const bytes = Buffer.alloc(4096);
    bytes.write("hsqs");
    writeFileSync(file, bytes);
    for (const namespaces of IMAGES_IN) {
      await expect(capture(host, { root: image(file), namespaces }, ["/bin/true"])).rejects.toMatchObject({
        code: "ERR_CT_SYSCALL",
        member: "root",
      });
    }
  });
});

describe("fuse-overlayfs", () => {
  for (const namespaces of [
    ["mount", "pid"],
    ["mount", "pid", "user"],
  ] as const) {
    it(`serves the root, and is neither seen from inside nor left behind (${namespaces.join(", ")})`, async () => {
      const spec: ContainerSpec = { root: fuseOverlay({ lower: [rootfs] }), namespaces, mounts: [proc] };
      const script =
        "echo x > /tmp/new; rm /etc/group; ls /tmp /etc; grep ' / / ' /proc/self/mountinfo | grep -c fuse-overlayfs; cat /proc/[0-9]*/comm; true";
      const seen = await shell(host, spec, script);
      expect(seen).toBe("/etc:\npasswd\n\n/tmp:\nnew\n1\nsh");
      expect(existsSync(join(rootfs, "tmp/new"))).toBe(false);
    });
  }

  it("keeps changes in an upper directory", async () => {
    const upper = fresh("fuse-upper");
    const spec: ContainerSpec = { root: fuseOverlay({ lower: [rootfs], upper }), namespaces: ["mount"] };
    await shell(host, spec, "echo kept > /kept");
    expect(readFileSync(join(upper, "kept"), "utf8")).toBe("kept\n");
    expect(existsSync(`${upper}-work`)).toBe(false);
  });

  it("takes layers with commas and backslashes in their names, and refuses colons", async () => {
    const [odd, colon] = [makeRoot(join(work, "f,u s\\e")), makeRoot(join(work, "a:b"))];
    const spec = (layer: string): ContainerSpec => ({ root: fuseOverlay({ lower: [layer] }), namespaces: ["mount"] });
    expect(await shell(host, spec(odd), "cat /etc/passwd | head -n 1")).toBe("root:x:0:0:root:/root:/bin/sh");
    await expect(capture(host, spec(colon), ["/bin/true"])).rejects.toMatchObject({ code: "ERR_CT_NOT_SUPPORTED" });
  });
});

describe("a driver of the user's own", () => {
  it("plans steps, sees what it may know, and is told when the container is gone", async () => {
    const calls: string[] = [];
    const own: RootDriver = {
      type: "own",
      plan(context) {
        calls.push(`plan ${context.uid} ${context.userNamespace} ${context.readonly}`);
        const path = `${context.scratch}/r`;
        return {
          path,
          steps: [
            { do: "mount", source: "tmpfs", target: context.scratch, type: "tmpfs", data: "mode=755" },
            { do: "mkdir", path, mode: 0o755 },
            { do: "bind", source: rootfs, target: path, recursive: false, readonly: true },
          ],
        };
      },
      release() {
        calls.push("release");
      },
    };
    const spec: ContainerSpec = { root: own, namespaces: ["mount", "user"] };
    expect(await shell(host, spec, "touch /x 2>/dev/null || echo read-only")).toBe("read-only");
    expect(calls).toEqual(["plan 0 true false", "release"]);
  });

  it("that refuses gives its own error", async () => {
    const own: RootDriver = {
      type: "own",
      plan() {
        throw new Error("no release there");
      },
    };
    await expect(capture(host, { root: own, namespaces: ["mount"] }, ["/bin/true"])).rejects.toThrow(
      "no release there",
    );
  });

  it("is told that the container is gone also when the start failed", async () => {
    let released = 0;
    const plain = dir(rootfs);
    const own: RootDriver = { type: "own", plan: (context) => plain.plan(context), release: () => void released++ };
    await expect(capture(host, { root: own, namespaces: ["mount"] }, ["/missing"])).rejects.toThrow("not found");
    expect(released).toBe(1);
  });

  it("has finished its release when the process's end and the container's disposal are told", async () => {
    let released = false;
    const plain = dir(rootfs);
    const own: RootDriver = {
      type: "own",
      plan: (context) => plain.plan(context),
      async release() {
        await new Promise((resolve) => setTimeout(resolve, 50));
        released = true;
      },
    };
    await capture(host, { root: own, namespaces: ["mount"] }, ["/bin/true"]);
    expect(released).toBe(true);
  });
});

describe("the container's own view of the host while it runs", () => {
  it("mounts nothing on the host, and the host's later mounts do not come in", async () => {
    await using container = await host.create({ root: rootfs, namespaces: ["mount", "pid"], mounts: [proc] });
    const running = await container.start(["/bin/sh", "-c", "echo ready; cat; cat /proc/self/mountinfo"], {
      stdin: "pipe",
    });
    await waitForOutput(running, "ready");
    expect(readlinkSync(`/proc/${running.pid}/root`)).toBe("/");
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(rootfs);
    running.stdin?.end();
    expect((await running.wait()).exitCode).toBe(0);
  });
});
