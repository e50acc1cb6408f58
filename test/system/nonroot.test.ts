import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ORDINARY, runScript, type ScriptOptions } from "../support/as-user.ts";
import { NAMESPACE_FILES } from "../support/capture.ts";
import { hasUserIpcSysctls, hasUserOverlays, kernelNamespaces } from "../support/kernel.ts";
import { auditEachTest } from "../support/leaks.ts";
import { makeRoot, temporaryDirectory } from "../support/rootfs.ts";

const userOverlays = hasUserOverlays();

let work: string;
let rootfs: string;
beforeAll(() => {
  work = temporaryDirectory();
  rootfs = makeRoot(join(work, "rootfs"));
  execFileSync("chown", ["-R", `${ORDINARY}:${ORDINARY}`, rootfs]);
});
// The user's scratch directory stays, empty; a machine of tests needs it no longer.
afterAll(() => rmSync(`/tmp/libct-${ORDINARY}`, { recursive: true, force: true }));
auditEachTest();

/** Runs a script as the ordinary user, in a directory of its own which is the user's. */
async function asUser(script: string, options: ScriptOptions = {}): Promise<unknown[]> {
  const directory = mkdtempSync(join(work, "user-"));
  chmodSync(directory, 0o755);
  chownSync(directory, ORDINARY, ORDINARY);
  const prelude = `
    import { readFileSync, readdirSync, existsSync, writeFileSync, mkdirSync, statSync } from "node:fs";
    const rootfs = ${JSON.stringify(rootfs)};
    /** For what is not about roots. */
    const root = ${userOverlays} ? ct.overlay({ lower: [rootfs] }) : rootfs;
    const own = ${JSON.stringify(directory)};
    const isolated = ["user", "mount", "pid", "ipc", "uts", "network", "cgroup"] as const;
    const proc = { destination: "/proc", type: "proc" } as const;
    await using host = await openHost();
  `;
  return await runScript(prelude + script, directory, { ...options, user: true });
}

describe("an ordinary user", () => {
  it("is told to be no privileged caller, with the own id as the container's root", async () => {
    const seen = await asUser(`
      report([host.caller.uid, host.caller.privileged]);
      report(await shell(host, { namespaces: ["user"] }, "id -u; id -g; cat /proc/self/uid_map; touch " + own + "/made"));
      report(statSync(own + "/made").uid);`);
    expect(seen).toEqual([[ORDINARY, false], expect.stringMatching(/^0\n0\n\s+0\s+12345\s+1$/), ORDINARY]);
  });

  it("has every namespace with a user namespace", async () => {
    const types = kernelNamespaces("an ordinary user makes each").filter((type) => type !== "user");
    const seen = await asUser(`
      const mine = (name: string) => execSync("readlink /proc/self/ns/" + name).toString().trim();
      import { execSync } from "node:child_process";
      for (const [type, name] of ${JSON.stringify(types.map((type) => [type, NAMESPACE_FILES[type]]))} as const) {
        const container = await host.create({ namespaces: ["user", type] });
        const process_ = await container.start(["/bin/sleep", "60"]);
        const theirs = execSync("readlink /proc/" + process_.pid + "/ns/" + name).toString().trim();
        report([type, theirs !== mine(name) && theirs !== ""]);
        await container[Symbol.asyncDispose]();
      }`);
    expect(seen).toEqual(types.map((type) => [type, true]));
  });

  it("is refused a namespace without a user namespace, with what can be done", async () => {
    const seen = await asUser(`
      try { await capture(host, { namespaces: ["pid"] }, ["/bin/true"]); report("started"); }
      catch (error) { report([error.code, error.errno, error.message]); }`);
    expect(seen).toEqual([["ERR_CT_SYSCALL", "EPERM", expect.stringMatching(/user/)]]);
  });

  it("has a directory as the root, by pivot_root and by a moved mount", async () => {
    const seen = await asUser(`
      for (const rootMode of ["pivot", "move"] as const) {
        report(await shell(host, { root: rootfs, rootMode, namespaces: isolated, mounts: [proc] }, "echo $$; pwd; cat /etc/passwd | wc -l; echo kept > /tmp/kept; cat /proc/1/comm; hostname -F /etc/group"));
      }
      report(readFileSync(rootfs + "/tmp/kept", "utf8"));`);
    expect(seen).toEqual(["1\n/\n2\nsh", "1\n/\n2\nsh", "kept\n"]);
  });

  it.runIf(userOverlays)("has overlays in memory and on disk", async () => {
    const seen = await asUser(`
      const memory = { root: ct.overlay({ lower: [rootfs] }), namespaces: isolated };
      report(await shell(host, memory, "echo x > /new; rm /etc/group; mv /etc/passwd /etc/moved; ls /etc"));
      report(existsSync(rootfs + "/new"));
      mkdirSync(own + "/upper");
      const disk = { root: ct.overlay({ lower: [rootfs], upper: own + "/upper" }), namespaces: isolated };
      report(await shell(host, disk, "echo x > /new; rm /etc/group; ls /etc"));
      report(readdirSync(own + "/upper").sort());
      report(existsSync(own + "/upper-work"));`);
    expect(seen).toEqual(["moved", false, "passwd", ["etc", "new"], false]);
  });

  it.runIf(userOverlays)("has the machine's own root with a private layer over it", async () => {
    const seen = await asUser(`
      const spec = { root: ct.hostRoot(), namespaces: isolated, mounts: [proc] };
      report(await shell(host, spec, "echo x > /usr/local/ct-new; echo x > /etc/ct-new; cat /usr/local/ct-new /etc/ct-new; test -x /usr/bin/env && echo usable"));
      const result = await host.run(["sh", "-c", "id -u; echo x > /etc/ct-new && cat /etc/ct-new"]);
      report([result.exitCode, result.stdout, result.stderr]);`);
    expect(seen).toEqual(["x\nx\nusable", [0, "0\nx\n", ""]]);
    for (const place of ["/usr/local", "/etc"]) expect(existsSync(`${place}/ct-new`)).toBe(false);
  });

  it("runs commands in a sandbox with a workspace and nothing else to write to", async () => {
    const seen = await asUser(`
      mkdirSync(own + "/workspace");
      const script = "echo result > out; cat out; echo x > " + own + "/escaped; touch /etc/x; cat /proc/net/dev | tail -n +3 | cut -d: -f1";
      const result = await host.run(["sh", "-c", script], { sandbox: { workspace: own + "/workspace" } });
      report([result.stdout, result.reason]);
      report([readFileSync(own + "/workspace/out", "utf8"), existsSync(own + "/escaped")]);`);
    expect(seen).toEqual([
      [expect.stringMatching(/^result\n\s*lo\n$/), "exit"],
      ["result\n", false],
    ]);
  });

  it("has bind mounts with flags, tmpfs, sysctls, names and limits of its own", async () => {
    const seen = await asUser(`
      mkdirSync(own + "/data");
      writeFileSync(own + "/data/file", "content\\n");
      const spec = {
        root,
        namespaces: isolated,
        hostname: "inside",
        sysctl: { "net.ipv4.ip_forward": "1" },
        mounts: [
          proc,
          { destination: "/data", source: own + "/data", options: ["rbind", "rro", "nosuid", "nodev"] },
          { destination: "/scratch", type: "tmpfs", source: "tmpfs", options: ["size=64k"] },
        ],
        readonlyRoot: true,
        maskedPaths: ["/etc/group", "/root"],
        readonlyPaths: ["/proc/sys"],
        process: { rlimits: [{ type: "RLIMIT_NOFILE", soft: 50, hard: 60 }], oomScoreAdj: 900, newSessionKeyring: true },
      };
      report(await shell(host, spec, "hostname; cat /data/file; touch /data/x 2>/dev/null || echo ro; touch /x 2>/dev/null || echo ro; touch /scratch/x && echo rw; cat /proc/sys/net/ipv4/ip_forward; ulimit -n; cat /proc/self/oom_score_adj; wc -c < /etc/group; touch /root/x 2>/dev/null || echo ro"));`);
    expect(seen).toEqual(["inside\ncontent\nro\nro\nrw\n1\n50\n900\n0\nro"]);
  });

  it.runIf(hasUserIpcSysctls())("has kernel parameters of its own ipc namespace", async () => {
    const seen = await asUser(`
      const spec = { root, namespaces: isolated, sysctl: { "kernel.msgmax": "777" }, mounts: [proc] };
      report(await shell(host, spec, "cat /proc/sys/kernel/msgmax"));`);
    expect(seen).toEqual(["777"]);
  });

  it("has the standard set-up with a terminal", async () => {
    const seen = await asUser(`
      const spec = { root, ...ct.standard({ userNamespace: true }) };
      const result = await capture(host, spec, { args: ["/bin/sh", "-c", "tty; id -u; echo x > /dev/null; head -c 1 /dev/zero | wc -c"], terminal: true, consoleSize: { width: 80, height: 25 } });
      report(result.stdout);`);
    expect(seen).toEqual(["/dev/pts/0\r\n0\r\n1\r\n"]);
  });

  it("has fuse-overlayfs for a root, which is gone afterwards", async () => {
    const fuse = join(work, "fuse");
    execFileSync("mknod", [fuse, "c", "10", "229"]);
    chmodSync(fuse, 0o666);
    const seen = await asUser(
      `
      const spec = { root: ct.fuseOverlay({ lower: [rootfs] }), namespaces: isolated, mounts: [proc] };
      report(await shell(host, spec, "echo x > /new; cat /new; rm /etc/group; ls /etc; set -- /proc/[0-9]*; echo $#"));
      report(existsSync(rootfs + "/new"));`,
      { prepare: `mount --bind ${fuse} /dev/fuse` },
    );
    // The shell alone
    expect(seen).toEqual(["x\npasswd\n1", false]);
  });

  it("is told when fuse-overlayfs cannot work since /dev/fuse is closed", async () => {
    const fuse = join(work, "closed-fuse");
    execFileSync("mknod", [fuse, "c", "10", "229"]);
    chmodSync(fuse, 0o600);
    const seen = await asUser(
      `
      try { await capture(host, { root: ct.fuseOverlay({ lower: [rootfs] }), namespaces: isolated }, ["/bin/true"]); report("started"); }
      catch (error) { report([error.code, error.path]); }`,
      { prepare: `mount --bind ${fuse} /dev/fuse` },
    );
    expect(seen).toEqual([["ERR_CT_NOT_PERMITTED", "/dev/fuse"]]);
  });

  it("joins the namespaces of the own container", async () => {
    const seen = await asUser(`
      const first = await host.create({ root, namespaces: isolated, hostname: "first", mounts: [proc] });
      await first.start(["/bin/sleep", "60"]);
      const namespaces = isolated.map((type) => ({ type, path: first.namespacePath(type) }));
      report(await shell(host, { namespaces }, "hostname; cat /proc/1/comm; id -u"));
      await first[Symbol.asyncDispose]();`);
    expect(seen).toEqual(["first\nsleep\n0"]);
  });

  it("may not use images, idmapped mounts or ids of others, and is told so before anything is made", async () => {
    const image = join(work, "root.img");
    execFileSync("mksquashfs", [rootfs, image, "-quiet", "-no-progress"], { stdio: "pipe" });
    const seen = await asUser(`
      const map = [{ containerID: 0, hostID: 0, size: 10 }];
      const specs = [
        { root: ct.image(${JSON.stringify(image)}), namespaces: isolated },
        { root: rootfs, namespaces: isolated, mounts: [{ destination: "/d", source: own, options: ["bind", "idmap"] }] },
        { root: rootfs, namespaces: isolated, uidMappings: map, gidMappings: map },
      ];
      for (const spec of specs) {
        try { await capture(host, spec, ["/bin/true"]); report("started"); }
        catch (error) { report([error.code, error.member]); }
      }`);
    expect(seen).toEqual([
      ["ERR_CT_NOT_PERMITTED", "root"],
      ["ERR_CT_NOT_PERMITTED", "mounts[0]"],
      [expect.stringMatching(/^ERR_CT_(NOT_PERMITTED|SYSCALL)$/), expect.stringMatching(/^[ug]idMappings/)],
    ]);
  });

  it("cannot bind what it may not read, and the error names it", async () => {
    const secret = join(work, "secret");
    mkdirSync(join(secret, "inner"), { recursive: true, mode: 0o700 });
    chmodSync(secret, 0o700);
    const seen = await asUser(`
      try { await capture(host, { namespaces: ["user", "mount"], mounts: [{ destination: "/mnt", source: ${JSON.stringify(join(secret, "inner"))}, options: ["bind"] }] }, ["/bin/true"]); }
      catch (error) { report([error.code, error.path]); }`);
    expect(seen).toEqual([["ERR_CT_NOT_PERMITTED", join(secret, "inner")]]);
  });
});

describe("an ordinary user with subordinate ids", () => {
  /** Lends the user a range, in a mount namespace of the script's own: the machine's files stay as they are. */
  function lend(): ScriptOptions {
    const directory = mkdtempSync(join(work, "subids-"));
    for (const name of ["subuid", "subgid"]) writeFileSync(join(directory, name), `${ORDINARY}:300000:65536\n`);
    // newuidmap(1) wants to know the user's name.
    writeFileSync(
      join(directory, "passwd"),
      `root:x:0:0::/root:/bin/sh\nordinary:x:${ORDINARY}:${ORDINARY}::/:/bin/sh\n`,
    );
    const prepare = ["subuid", "subgid", "passwd"].map((name) => `mount --bind ${directory}/${name} /etc/${name}`);
    return { prepare: prepare.join(" && ") };
  }

  it.runIf(userOverlays)("has a container with 65536 ids, of which its root is the user", async () => {
    const seen = await asUser(
      `
      report(await shell(host, { namespaces: ["user"] }, "cat /proc/self/uid_map | tr -s ' '; cat /proc/self/setgroups"));
      const spec = { root: ct.overlay({ lower: [rootfs] }), namespaces: isolated, mounts: [proc] };
      report(await shell(host, spec, "id -u; id -G; touch /tmp/x; stat -c %u /tmp/x", { user: "app" }));
      mkdirSync(own + "/upper");
      const disk = { root: ct.overlay({ lower: [rootfs], upper: own + "/upper" }), namespaces: isolated };
      report(await shell(host, disk, "touch /theirs && chown 1000:50 /theirs && stat -c '%u %g' /theirs"));
      const stat = statSync(own + "/upper/theirs");
      report([stat.uid, stat.gid, existsSync(own + "/upper-work")]);`,
      lend(),
    );
    expect(seen).toEqual([
      " 0 12345 1\n 1 300000 65535\nallow",
      "1000\n1001 29 50\n1000",
      "1000 50",
      [300_999, 300_049, false],
    ]);
  });

  it("gets exactly the maps that were asked for, and no ids of others", async () => {
    const seen = await asUser(
      `
      const map = [{ containerID: 0, hostID: 300000, size: 1000 }];
      report(await shell(host, { namespaces: ["user"], uidMappings: map, gidMappings: map }, "id -u; cat /proc/self/uid_map | tr -s ' '"));
      const other = [{ containerID: 0, hostID: 500000, size: 1000 }];
      try { await capture(host, { namespaces: ["user"], uidMappings: other, gidMappings: other }, ["/bin/true"]); report("started"); }
      catch (error) { report([error.code, error.member]); }`,
      lend(),
    );
    expect(seen).toEqual([
      "0\n 0 300000 1000",
      [expect.stringMatching(/^ERR_CT_/), expect.stringMatching(/^[ug]idMappings/)],
    ]);
  });
});

describe.runIf(userOverlays)("the user's scratch directory", () => {
  it("is the user's alone and empty, and a directory of somebody else's is not used", async () => {
    const place = `/tmp/libct-${ORDINARY}`;
    await asUser(
      `report(await shell(host, { root: ct.overlay({ lower: [rootfs] }), namespaces: isolated }, "echo in"));`,
    );
    expect(statSync(place).uid).toBe(ORDINARY);
    expect(statSync(place).mode & 0o022).toBe(0);
    expect(readdirSync(`${place}/scratch`)).toEqual([]);
    rmSync(place, { recursive: true });
    mkdirSync(place, { mode: 0o777 });
    chmodSync(place, 0o777);
    try {
      const seen = await asUser(`
        try { await capture(host, { root: ct.overlay({ lower: [rootfs] }), namespaces: isolated }, ["/bin/true"]); report("started"); }
        catch (error) { report([error.code, error.hint]); }`);
      expect(seen).toEqual([["ERR_CT_NOT_PERMITTED", expect.stringContaining("XDG_RUNTIME_DIR")]]);
    } finally {
      rmSync(place, { recursive: true });
    }
  });

  it("is in XDG_RUNTIME_DIR when there is one", async () => {
    const runtime = mkdtempSync(join(work, "runtime-"));
    chownSync(runtime, ORDINARY, ORDINARY);
    chmodSync(runtime, 0o700);
    const seen = await asUser(
      `report(await shell(host, { root: ct.overlay({ lower: [rootfs] }), namespaces: isolated }, "echo in"));`,
      { env: { XDG_RUNTIME_DIR: runtime } },
    );
    expect(seen).toEqual(["in"]);
    expect(readdirSync(join(runtime, "libct/scratch"))).toEqual([]);
  });
});
