import { execFileSync } from "node:child_process";
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  type ContainerSpec,
  DEFAULT_CAPABILITIES,
  type Device,
  type Host,
  type Mount,
  overlay,
  standard,
  tmpfsRoot,
} from "../../src/index.ts";
import { capabilityMask } from "../../src/linux/index.ts";
import { runScript } from "../support/as-user.ts";
import { capture, mountLine, shell, waitForOutput } from "../support/capture.ts";
import { openHost } from "../support/host.ts";
import { hasIdmappedMounts, hasOpenTree, hasUserOverlays } from "../support/kernel.ts";
import { auditEachTest } from "../support/leaks.ts";
import { busyboxRoot, makeRoot, temporaryDirectory } from "../support/rootfs.ts";

let host: Host;
let rootfs: string;
let work: string;
beforeAll(async () => {
  host = await openHost();
  rootfs = busyboxRoot();
  work = temporaryDirectory();
  mkdirSync(`${rootfs}/links`);
  symlinkSync("../run/resolve/stub", `${rootfs}/links/resolv.conf`);
});
afterAll(() => host[Symbol.asyncDispose]());
auditEachTest();

const fresh = (name: string) => mkdtempSync(join(work, `${name}-`));
const proc: Mount = { destination: "/proc", type: "proc" };
const BOTH = [["mount"], ["mount", "user"]] as const;

const userOverlays = hasUserOverlays();

/** A root like this one that nobody else changes: a layer over it, or a copy where a user namespace has no layers. */
function rootLike(directory: string, namespaces: readonly string[]): NonNullable<ContainerSpec["root"]> {
  if (userOverlays || !namespaces.includes("user")) return overlay({ lower: [directory] });
  const copy = fresh("copy");
  execFileSync("cp", ["-a", `${directory}/.`, copy]);
  return copy;
}

/** A container over such a root. */
function over(spec: ContainerSpec): ContainerSpec {
  const namespaces = spec.namespaces ?? ["mount"];
  const types = namespaces.map((one) => (typeof one === "string" ? one : one.type));
  return { root: rootLike(rootfs, types), ...spec, namespaces };
}

/** What /proc/self/mountinfo says inside about a place. */
async function seenAt(place: string, spec: ContainerSpec) {
  const mounts = [proc, ...(spec.mounts ?? [])];
  // Only the owner of its pid namespace may mount a procfs.
  const namespaces = [...(spec.namespaces ?? ["mount"]), "pid"] as const;
  return mountLine(await shell(host, over({ ...spec, namespaces, mounts }), "cat /proc/self/mountinfo"), place);
}

describe("bind mounts", () => {
  for (const namespaces of BOTH) {
    describe(`in the namespaces ${namespaces.join(" and ")}`, () => {
      it("show a directory and a file of the host, and changes go through", async () => {
        const shared = fresh("shared");
        writeFileSync(join(shared, "file"), "from the host\n");
        const mounts: Mount[] = [
          { destination: "/data", type: "bind", source: shared, options: ["bind"] },
          { destination: "/etc/one", source: join(shared, "file"), options: ["bind"] },
        ];
        const seen = await shell(
          host,
          over({ namespaces, mounts }),
          "cat /data/file /etc/one; echo new > /data/new; echo more >> /etc/one",
        );
        expect(seen).toBe("from the host\nfrom the host");
        expect(readFileSync(join(shared, "new"), "utf8")).toBe("new\n");
        expect(readFileSync(join(shared, "file"), "utf8")).toBe("from the host\nmore\n");
      });

      it.runIf(hasOpenTree())("lie in the place of an image's link to a file that is not there", async () => {
        const source = join(fresh("resolver"), "resolv.conf");
        writeFileSync(source, "nameserver 192.0.2.1\n");
        const mounts: Mount[] = [{ destination: "/links/resolv.conf", type: "bind", source, options: ["bind"] }];
        const seen = await shell(
          host,
          over({ namespaces, mounts }),
          "cat /links/resolv.conf; ls /run/resolve 2>&1 || true",
        );
        expect(seen).toMatch(/^nameserver 192.0.2.1\nls: .*No such file/);
        expect(readlinkSync(`${rootfs}/links/resolv.conf`)).toBe("../run/resolve/stub");
      });

      it("have the flags that were asked for", async () => {
        const source = fresh("flags");
        // In a user namespace the access times of the host's mounts are locked (mount_namespaces(7)).
        const own = namespaces.length === 1 ? ["noatime"] : [];
        const options = ["bind", "ro", "nosuid", "nodev", "noexec", ...own];
        const line = await seenAt("/data", { namespaces, mounts: [{ destination: "/data", source, options }] });
        expect(line.options).toEqual(expect.arrayContaining(options.slice(1)));
        const plain = await seenAt("/data", {
          namespaces,
          mounts: [{ destination: "/data", source, options: ["bind"] }],
        });
        expect(plain.options).toContain("rw");
      });

      it("that are read-only cannot be written to, and the host's own place still can", async () => {
        const source = fresh("readonly");
        const mounts = [{ destination: "/data", source, options: ["rbind", "ro"] }];
        expect(await shell(host, over({ namespaces, mounts }), "touch /data/x 2>&1 || true")).toContain("Read-only");
        writeFileSync(join(source, "x"), "");
      });
    });
  }

  it("take submounts along with rbind only, and ro leaves those writable where rro does not", async () => {
    const directory = fresh("tree");
    const source = join(directory, "source");
    mkdirSync(join(source, "sub"), { recursive: true });
    const copy = fresh("copy");
    execFileSync("cp", ["-a", `${rootfs}/.`, copy]);
    const script = `
      await using host = await openHost();
      for (const namespaces of [["mount"], ["mount", "user"]] as const) {
        for (const options of [["rbind"], ["rbind", "ro"], ["rbind", "rro"]]) {
          const root = namespaces.length === 1 ? ct.overlay({ lower: ["${rootfs}"] }) : "${copy}";
          const mounts = [{ destination: "/data", source: "${source}", options }];
          const test = "touch /data/x 2>/dev/null && echo -n top; touch /data/sub/y 2>/dev/null && echo -n sub; true";
          report([...namespaces, ...options, await shell(host, { root, namespaces, mounts }, test)].join(" "));
        }
      }`;
    const seen = await runScript(script, directory, { prepare: `mount -t tmpfs none ${source}/sub` });
    expect(seen).toEqual([
      "mount rbind topsub",
      "mount rbind ro sub",
      "mount rbind rro ",
      "mount user rbind topsub",
      "mount user rbind ro sub",
      "mount user rbind rro ",
    ]);
  });

  for (const [option, field] of [
    ["rprivate", []],
    ["rshared", ["shared"]],
    ["rslave", ["master"]],
    ["runbindable", ["unbindable"]],
  ] as const) {
    it(`have the propagation ${option} when it is asked for`, async () => {
      const source = fresh("propagation");
      const line = await seenAt("/data", { mounts: [{ destination: "/data", source, options: ["rbind", option] }] });
      // A slave of a mount that is private on the host has no master.
      if (option === "rslave" && line.propagation.length === 0) return;
      expect(line.propagation).toEqual(field);
    });
  }

  it("of a source that does not exist are refused, with its path and member", async () => {
    const source = join(work, "nowhere");
    const spec = over({ mounts: [proc, { destination: "/x", source, options: ["bind"] }] });
    await expect(capture(host, spec, ["/bin/true"])).rejects.toMatchObject({
      code: "ERR_CT_INVALID_SPEC",
      path: source,
      member: "mounts[1].source",
    });
  });

  it("can be many: a hundred of them, each with a source of its own", async () => {
    const base = fresh("many");
    const mounts = Array.from({ length: 100 }, (_, index) => {
      const source = join(base, String(index));
      mkdirSync(source);
      writeFileSync(join(source, "n"), `${index}\n`);
      return { destination: `/m/${index}`, source, options: ["bind"] };
    });
    expect((await shell(host, over({ mounts }), "cat /m/*/n | wc -l; cat /m/99/n")).trim()).toBe("100\n99");
  });
});

describe.runIf(hasIdmappedMounts())("idmapped mounts", () => {
  const map = [{ containerID: 0, hostID: 100_000, size: 65_536 }];

  it("show the host's files as the container's own, and give the host's ids to new ones", async () => {
    const source = fresh("idmapped");
    writeFileSync(join(source, "roots"), "");
    writeFileSync(join(source, "apps"), "");
    chownSync(join(source, "apps"), 1000, 1001);
    const spec: ContainerSpec = {
      root: tmpfsRoot(),
      namespaces: ["mount", "user"],
      uidMappings: map,
      gidMappings: map,
      mounts: [
        { destination: "/bin", source: join(rootfs, "bin"), options: ["rbind", "ro"] },
        { destination: "/data", source, options: ["bind", "idmap"] },
      ],
    };
    const seen = await shell(host, spec, "cd /data; stat -c '%n %u %g' roots apps; touch new; chown 7:8 new");
    expect(seen).toBe("roots 0 0\napps 1000 1001");
    expect(statSync(join(source, "new"))).toMatchObject({ uid: 7, gid: 8 });
  });

  it("take a mapping of their own, without any user namespace of the container", async () => {
    const source = fresh("own-map");
    writeFileSync(join(source, "file"), "");
    chownSync(join(source, "file"), 1000, 1000);
    const mapping = [
      { containerID: 0, hostID: 0, size: 1 },
      { containerID: 1000, hostID: 4000, size: 10 },
    ];
    const mounts: Mount[] = [
      { destination: "/data", source, options: ["bind"], uidMappings: mapping, gidMappings: mapping },
      { destination: "/more", source, options: ["bind"], uidMappings: mapping, gidMappings: mapping },
    ];
    expect(await shell(host, over({ mounts }), "stat -c '%u %g' /data/file /more/file")).toBe("4000 4000\n4000 4000");
  });

  it("are let go by the monitor, which would keep the source's filesystem busy", async () => {
    const source = fresh("let-go");
    const mapping = [{ containerID: 0, hostID: 4000, size: 10 }];
    const mount: Mount = { destination: "/d", source, options: ["bind"], uidMappings: mapping, gidMappings: mapping };
    await using plain = await host.create(over({}));
    await using idmapped = await host.create(over({ mounts: [mount] }));
    const processes = [await plain.start(["/bin/sleep", "60"]), await idmapped.start(["/bin/sleep", "60"])];
    // The pipes are handed over a moment after the start.
    await vi.waitFor(() => {
      const [without = [], having = []] = processes.map(({ pid }) => monitorDescriptors(pid));
      expect(having.filter((target) => !target.startsWith("user:"))).toHaveLength(without.length);
    });
  });
});

/** What the monitor of a container's process has open. */
function monitorDescriptors(pid: number): string[] {
  const monitor = /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return readdirSync(`/proc/${monitor}/fd`).map((fd) => readlinkSync(`/proc/${monitor}/fd/${fd}`));
}

describe("filesystems of the kernel", () => {
  for (const namespaces of BOTH) {
    it(`tmpfs has its size, mode and flags (${namespaces.join(" and ")})`, async () => {
      const options = ["nosuid", "nodev", "size=64k", "mode=1755"];
      const mounts = [{ destination: "/scratch", type: "tmpfs", source: "tmpfs", options }];
      const line = await seenAt("/scratch", { namespaces, mounts });
      expect(line).toMatchObject({ type: "tmpfs", options: expect.arrayContaining(["nosuid", "nodev"]) });
      expect(line.superOptions).toEqual(expect.arrayContaining(["size=64k", "mode=1755"]));
    });

    it.runIf(userOverlays || namespaces.length === 1)(
      `tmpcopyup starts with what the directory holds (${namespaces.join(" and ")})`,
      async () => {
        const mounts = [{ destination: "/etc", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "size=1m"] }];
        const script =
          "ls /etc; echo changed > /etc/passwd; rm /etc/group; echo n > /etc/new; ls /etc; cat /etc/passwd";
        const spec: ContainerSpec = { root: rootfs, namespaces, mounts };
        expect(await shell(host, spec, script)).toBe("group\npasswd\nnew\npasswd\nchanged");
        expect(readFileSync(join(rootfs, "etc/passwd"), "utf8")).toContain("app:x:1000");
        expect(readdirSync(join(rootfs, "etc")).sort()).toEqual(["group", "passwd"]);
      },
    );
  }

  it.skipIf(userOverlays)("tmpcopyup is refused by name where a user namespace has no overlays", async () => {
    const mounts = [{ destination: "/etc", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"] }];
    await expect(shell(host, over({ namespaces: ["mount", "user"], mounts }), "true")).rejects.toMatchObject({
      code: "ERR_CT_NOT_SUPPORTED",
      member: "mounts[0].options",
    });
  });

  it("proc shows the container's own pid namespace, sysfs its network, mqueue its queues, devpts its terminals", async () => {
    const spec = over({
      namespaces: ["mount", "pid", "network", "ipc"],
      mounts: [
        proc,
        { destination: "/sys", type: "sysfs", source: "sysfs", options: ["ro", "nosuid", "noexec", "nodev"] },
        { destination: "/dev", type: "tmpfs", source: "tmpfs" },
        {
          destination: "/dev/pts",
          type: "devpts",
          source: "devpts",
          options: ["newinstance", "ptmxmode=0666", "mode=0620"],
        },
        { destination: "/dev/mqueue", type: "mqueue", source: "mqueue" },
      ],
    });
    const script =
      "cat /proc/1/comm; ls /sys/class/net; ls /dev/pts; ls /dev/mqueue; stat -c %a /dev/pts/ptmx; touch /sys/x 2>/dev/null || echo ro; sed -n 's/.* - \\(\\S*\\) .*/\\1/p' /proc/self/mountinfo | tr '\\n' ' '";
    expect(await shell(host, spec, script)).toBe("sh\nlo\nptmx\n666\nro\noverlay proc sysfs tmpfs devpts mqueue");
  });

  for (const namespaces of [
    ["mount", "cgroup"],
    ["mount", "pid", "cgroup", "user"],
  ] as const) {
    it(`cgroup shows the host's version, with the container at the top (${namespaces.join(", ")})`, async () => {
      const hybrid = existsSync("/sys/fs/cgroup/pids");
      const spec = over({
        namespaces,
        resources: { pids: { limit: 77 } },
        mounts: [proc, { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro"] }],
      });
      const place = hybrid ? "/sys/fs/cgroup/pids" : "/sys/fs/cgroup";
      const seen = await shell(
        host,
        spec,
        `cat ${place}/pids.max; touch ${place}/x 2>&1 || mkdir ${place}/sub 2>&1 || true`,
      );
      expect(seen.split("\n")[0]).toBe("77");
      expect(seen).toContain("Read-only file system");
    });
  }

  it("that do not exist are an error which names the type and the member", async () => {
    const mounts = [proc, { destination: "/x", type: "nosuchfs", source: "none" }];
    await expect(capture(host, over({ mounts }), ["/bin/true"])).rejects.toMatchObject({
      code: "ERR_CT_SYSCALL",
      syscall: "mount",
      errno: "ENODEV",
      member: "mounts[1]",
    });
  });
});

describe("mount targets", () => {
  it("are made when they are missing, with all directories above them", async () => {
    const file = join(work, "a-file");
    writeFileSync(file, "content");
    const mounts = [
      { destination: "/a/b/c/d", type: "tmpfs", source: "tmpfs" },
      { destination: "/e/f/file", source: file, options: ["bind"] },
    ];
    expect(await shell(host, over({ mounts }), "stat -c %F /a/b/c/d /e/f/file; cat /e/f/file; stat -c %a /a/b")).toBe(
      "directory\nregular file\ncontent755",
    );
  });

  describe("in an image full of evil links", () => {
    let evil: string;
    let canary: string;
    beforeAll(() => {
      evil = makeRoot(temporaryDirectory());
      canary = temporaryDirectory();
      symlinkSync("/etc", join(evil, "data"));
      symlinkSync("../../../../../../etc", join(evil, "x"));
      symlinkSync(canary, join(evil, "canary"));
      symlinkSync(`../../../../../../../..${canary}`, join(evil, "climbing"));
      symlinkSync("/proc/self/cwd", join(evil, "here"));
      symlinkSync("/proc/1/root", join(evil, "one"));
      symlinkSync("loop2", join(evil, "loop1"));
      symlinkSync("loop1", join(evil, "loop2"));
    });

    for (const rootMode of ["pivot", "move", "chroot"] as const) {
      for (const namespaces of BOTH) {
        it(`stay inside the root (${rootMode}, ${namespaces.join(" and ")})`, async () => {
          const before = [readdirSync("/etc"), statSync("/etc").mtimeMs];
          const file = join(work, "bound");
          writeFileSync(file, "bound");
          const mounts: Mount[] = [
            { destination: "/data/made-1", type: "tmpfs", source: "tmpfs" },
            { destination: "/x/made-2/deep", type: "tmpfs", source: "tmpfs" },
            { destination: "/x/made-3", source: file, options: ["bind"] },
            { destination: "/tmp/../x/../data/made-4", type: "tmpfs", source: "tmpfs" },
          ];
          const spec: ContainerSpec = { root: rootLike(evil, namespaces), rootMode, namespaces, mounts };
          expect(await shell(host, spec, "ls /etc; cat /etc/made-3")).toBe(
            "group\nmade-1\nmade-2\nmade-3\nmade-4\npasswd\nbound",
          );
          expect([readdirSync("/etc"), statSync("/etc").mtimeMs]).toEqual(before);
        });

        it(`cannot be made through a link to a place of the host (${rootMode}, ${namespaces.join(" and ")})`, async () => {
          for (const link of ["canary", "climbing"]) {
            const mounts: Mount[] = [{ destination: `/${link}/made`, type: "tmpfs", source: "tmpfs" }];
            const spec: ContainerSpec = { root: rootLike(evil, namespaces), rootMode, namespaces, mounts };
            // The link dangles inside: either that is an error, or the place is made inside.
            await capture(host, spec, ["/bin/true"]).catch((error: unknown) =>
              expect(error).toMatchObject({ member: "mounts[0]" }),
            );
            expect(readdirSync(canary)).toEqual([]);
          }
        });
      }
    }

    it("cannot be reached through links of procfs: those lead out and are refused, or back into the root", async () => {
      for (const link of ["here", "one"]) {
        const mounts: Mount[] = [
          { destination: "/proc", type: "proc" },
          { destination: `/${link}/etc/made-5`, type: "tmpfs", source: "tmpfs" },
        ];
        const spec: ContainerSpec = { root: overlay({ lower: [evil] }), namespaces: ["mount"], mounts };
        await capture(host, spec, ["/bin/true"]).catch((error: unknown) =>
          expect(error).toMatchObject({ member: "mounts[1]" }),
        );
        expect(existsSync("/etc/made-5")).toBe(false);
      }
    });

    it("that are loops of links are an error", async () => {
      const mounts: Mount[] = [{ destination: "/loop1/x", type: "tmpfs", source: "tmpfs" }];
      const spec: ContainerSpec = { root: overlay({ lower: [evil] }), namespaces: ["mount"], mounts };
      await expect(capture(host, spec, ["/bin/true"])).rejects.toMatchObject({ errno: "ELOOP", member: "mounts[0]" });
    });

    it("of devices, links, masked and read-only paths stay inside too", async () => {
      const before = [readdirSync("/etc"), statSync("/etc").mtimeMs, lstatSync("/etc/passwd").ino];
      for (const namespaces of BOTH) {
        const spec: ContainerSpec = {
          root: rootLike(evil, namespaces),
          namespaces,
          devices: [{ path: "/x/null", type: "c", major: 1, minor: 3 }],
          links: [{ path: "/data/link", target: "somewhere" }],
          maskedPaths: ["/x/passwd"],
          readonlyPaths: ["/data/group"],
        };
        // In a user namespace the host's own device of that path is bound, and there is none.
        const { devices: _none, ...rest } = spec;
        const used = namespaces.length === 1 ? spec : rest;
        const seen = await shell(
          host,
          used,
          "ls /etc; cat /etc/passwd; echo x 2>/dev/null >> /etc/group || echo refused",
        );
        expect(seen).toBe(`group\nlink\n${namespaces.length === 1 ? "null\n" : ""}passwd\nrefused`);
      }
      expect([readdirSync("/etc"), statSync("/etc").mtimeMs, lstatSync("/etc/passwd").ino]).toEqual(before);
    });
  });
});

describe("devices and links", () => {
  const dev: Mount = { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["mode=755"] };

  for (const namespaces of BOTH) {
    it(`devices work: made by mknod, or bound in a user namespace (${namespaces.join(" and ")})`, async () => {
      const spec = over({
        namespaces,
        mounts: [dev],
        devices: [
          { path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 0o666 },
          { path: "/dev/zero", type: "c", major: 1, minor: 5 },
          { path: "/dev/pipe", type: "p", fileMode: 0o600, uid: 0, gid: 0 },
        ],
        links: [
          { path: "/dev/fd", target: "/proc/self/fd" },
          { path: "/etc/passwd", target: "not made: something is there" },
        ],
      });
      const script =
        "echo x > /dev/null; head -c 3 /dev/zero | wc -c; stat -c '%F %t %T' /dev/null /dev/zero; stat -c '%F %a' /dev/pipe; readlink /dev/fd; test -f /etc/passwd && echo file";
      expect(await shell(host, spec, script)).toBe(
        "3\ncharacter special file 1 3\ncharacter special file 1 5\nfifo 600\n/proc/self/fd\nfile",
      );
    });
  }

  it("a device has the mode and owner that were asked for", async () => {
    const devices = [
      { path: "/dev/deep/down/full", type: "c", major: 1, minor: 7, fileMode: 0o640, uid: 7, gid: 8 } as const,
    ];
    expect(await shell(host, over({ mounts: [dev], devices }), "stat -c '%a %u %g' /dev/deep/down/full")).toBe(
      "640 7 8",
    );
  });
});

describe("devices that are there already", () => {
  it("are taken when they are the ones that were asked for, so a directory can be the root again and again", async () => {
    const root = makeRoot(fresh("again"));
    const devices = [
      { path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 0o644 },
      { path: "/dev/pipe", type: "p" },
    ] as const;
    for (let round = 0; round < 2; round++) {
      expect(await shell(host, { root, namespaces: ["mount"], devices }, "stat -c '%F %t:%T' /dev/*")).toBe(
        "character special file 1:3\nfifo 0:0",
      );
    }
  });

  it("are an error when they are something else, in any respect", async () => {
    const root = makeRoot(fresh("others"));
    const one = async (device: Device) =>
      capture(host, { root, namespaces: ["mount"], devices: [device] }, ["/bin/true"]);
    await one({ path: "/dev/node", type: "c", major: 1, minor: 3 });
    for (const device of [
      { path: "/dev/node", type: "c", major: 1, minor: 5 },
      { path: "/dev/node", type: "c", major: 2, minor: 3 },
      { path: "/dev/node", type: "b", major: 1, minor: 3 },
      { path: "/dev/node", type: "p" },
      { path: "/dev/node", type: "c", major: 1, minor: 3, fileMode: 0o600 },
      { path: "/etc/passwd", type: "c", major: 1, minor: 3 },
    ] as const) {
      await expect(one(device)).rejects.toMatchObject({ errno: "EEXIST", member: "devices[0]" });
    }
  });

  it("are, in a user namespace, the host's own: another one of that path or none is an error", async () => {
    for (const device of [
      { path: "/dev/zero", type: "c", major: 1, minor: 3 },
      { path: "/dev/null", type: "b", major: 1, minor: 3 },
      { path: "/dev/no-such", type: "c", major: 1, minor: 3 },
    ] as const) {
      const spec = over({ namespaces: ["mount", "user"], devices: [device] });
      await expect(capture(host, spec, ["/bin/true"])).rejects.toMatchObject({
        code: "ERR_CT_NOT_PERMITTED",
        path: device.path,
        member: "devices[0]",
      });
    }
  });
});

describe("masked and read-only paths", () => {
  for (const namespaces of [
    ["mount", "pid"],
    ["mount", "pid", "user"],
  ] as const) {
    it(`hide files and directories, and what is not there needs no hiding (${namespaces.join(", ")})`, async () => {
      const spec = over({
        namespaces,
        mounts: [proc],
        maskedPaths: ["/proc/kcore", "/etc/passwd", "/root", "/nowhere/at/all", "/etc/group/below-a-file"],
        readonlyPaths: ["/proc/sys", "/etc", "/nowhere", "/etc/group/below-a-file"],
      });
      const script =
        "cat /etc/passwd | wc -c; touch /root/x 2>&1 || true; echo 1 > /proc/sys/kernel/panic 2>/dev/null || echo ro; touch /etc/new 2>/dev/null || echo ro; cat /etc/group | head -n 1";
      const seen = await shell(host, spec, script);
      expect(seen).toContain("Read-only file system");
      expect(seen.split("\n").filter((line) => !line.startsWith("touch"))).toEqual(["0", "ro", "ro", "root:x:0:"]);
    });
  }

  it("cannot be undone by a container with the standard set-up", async () => {
    const spec: ContainerSpec = { root: rootLike(rootfs, ["user"]), ...standard({ userNamespace: true }) };
    const script = "umount /proc/kcore 2>&1; mount -o remount,rw /proc/sys 2>&1; head -c 1 /proc/kcore | wc -c";
    const seen = await shell(host, spec, script);
    expect(seen).toContain("0");
    expect(seen.match(/not permitted|denied/g)?.length).toBeGreaterThanOrEqual(2);
  });
});

describe("the standard set-up", () => {
  for (const userNamespace of [false, true]) {
    it(`is what the OCI runtime-spec wants ${userNamespace ? "in a user namespace" : "without a user namespace"}`, async () => {
      await using container = await host.create({
        root: rootLike(rootfs, userNamespace ? ["user"] : []),
        ...standard({ userNamespace }),
      });
      const script =
        "ls /dev | tr '\\n' ' '; echo; echo x > /dev/null; id -u; grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status | tr -d '\\n\\t'; echo; cat /proc/1/comm; ls /sys/class/net; echo ready; cat";
      const process = await container.start(["/bin/sh", "-c", script], { stdin: "pipe" });
      const seen = await waitForOutput(process, "ready");
      expect(seen).toBe(
        `fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero \n0\nCapEff:${capabilityMask(DEFAULT_CAPABILITIES).toString(16).padStart(16, "0")}NoNewPrivs:1Seccomp:2\nsh\nlo\nready\n`,
      );
    });
  }

  it("lets the user namespace's host share its network with it", async () => {
    const spec: ContainerSpec = {
      root: rootLike(rootfs, ["user"]),
      ...standard({ userNamespace: true, network: "host" }),
    };
    expect(await shell(host, spec, "readlink /proc/self/ns/net; touch /sys/x 2>/dev/null || echo ro")).toBe(
      `${readlinkSync("/proc/self/ns/net")}\nro`,
    );
  });
});

describe("mounts while a container runs", () => {
  it("of the container do not reach the host, and those of the host come in only as slaves", async () => {
    const source = fresh("propagating");
    await using container = await host.create(
      over({ namespaces: ["mount", "pid"], mounts: [proc, { destination: "/data", source, options: ["rbind"] }] }),
    );
    const process = await container.start(["/bin/sh", "-c", "mount -t tmpfs none /data && echo mounted; cat"], {
      stdin: "pipe",
    });
    await waitForOutput(process, "mounted");
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(source);
    rmSync(source, { recursive: true, force: true });
  });
});
