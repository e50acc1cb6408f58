import { readFileSync, statSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { auditEachTest } from "../support/leaks.ts";
import { type Config, ociRuntime } from "../support/oci.ts";

auditEachTest();
const oci = ociRuntime();
afterEach(() => oci.clean());

/** Runs a script in a container of its own, as the shell there says it. */
const shell = (script: string, change: (config: Config, root: string) => void = () => undefined) =>
  oci.expect([
    "run",
    "--bundle",
    oci.bundle((config, root) => {
      config.process.args = ["sh", "-c", script];
      change(config, root);
    }),
    "one",
  ]);

const optionsOf = (config: Config, destination: string) => {
  const mount = config.mounts.find((one) => one.destination === destination);
  if (!mount) throw new Error(`no mount on ${destination}`);
  mount.options = [...(mount.options ?? [])];
  return mount.options;
};

describe("a tmpfs that is to be read-only", () => {
  const state =
    "touch /dev/x /data/x 2>&1 | grep -c Read-only; echo here > /dev/null; ls /data; grep -q ' /data/b ' /proc/mounts && echo b";

  it("is so when its devices and the mounts in it are made", async () => {
    const script = `${state}; ls /dev | tr '\\n' ' '; touch /dev/shm/y && echo shm`;
    const output = await shell(script, (config, root) => {
      optionsOf(config, "/dev").push("ro");
      config.mounts.push({ destination: "/data", type: "tmpfs", source: "tmpfs", options: ["ro", "size=1m"] });
      config.mounts.push({ destination: "/data/b", type: "bind", source: `${root}/tmp`, options: ["bind"] });
    });
    expect(output).toMatch(/^2\nb\nb\n(.* )?full .*null .*\bshm .*zero shm\n$/);
  });

  it("also by rro, and with what the directory has (tmpcopyup)", async () => {
    const output = await shell(
      `${state}; touch /etc/x 2>&1 | grep -c Read-only; grep -c root: /etc/passwd`,
      (config, root) => {
        optionsOf(config, "/dev").push("rro");
        config.mounts.push({ destination: "/data", type: "tmpfs", source: "tmpfs", options: ["rro"] });
        config.mounts.push({ destination: "/data/b", type: "bind", source: `${root}/tmp`, options: ["bind"] });
        config.mounts.push({ destination: "/etc", type: "tmpfs", source: "tmpfs", options: ["ro", "tmpcopyup"] });
      },
    );
    expect(output).toBe("2\nb\nb\n1\n1\n");
  });
});

describe("the working directory", () => {
  const closed = (config: Config) => {
    config.process.user = { uid: 1000, gid: 1000 };
    config.process.cwd = "/closed";
    config.mounts.push({ destination: "/closed", type: "tmpfs", source: "tmpfs", options: ["mode=700"] });
  };

  it("may be one that root alone may enter, for create and for exec", async () => {
    expect(await shell("pwd; id -u; ls /closed 2>&1; true", closed)).toBe(
      "/closed\n1000\nls: can't open '/closed': Permission denied\n",
    );
    const bundle = oci.bundle((config) => {
      closed(config);
      config.process.cwd = "/";
    });
    await oci.start("target", bundle);
    expect(await oci.expect(["exec", "--cwd", "/closed", "target", "pwd"])).toBe("/closed\n");
    expect(await oci.run(["exec", "--cwd", "/nowhere", "target", "pwd"])).toMatchObject({
      status: 255,
      stderr: expect.stringContaining("process.cwd"),
    });
  });
});

describe("--cgroup-manager disabled", () => {
  it("makes no cgroup, also for root", async () => {
    const bundle = oci.bundle();
    await oci.expect(["--cgroup-manager", "disabled", "create", "--bundle", bundle, "one"]);
    const { pid } = await oci.state("one");
    expect(readFileSync(`/proc/${pid}/cgroup`, "utf8")).toBe(readFileSync("/proc/self/cgroup", "utf8"));
  });
});

describe("streams that are /dev/null", () => {
  const script =
    "stat -L -c '%d' /dev/null /proc/self/fd/0; stat -L -c '%t:%T' /dev/stdin; echo lost >&0 && chmod 600 /dev/stdin";

  it("are the container's own, so that nothing of the host's is changed by them", async () => {
    const before = statSync("/dev/null");
    const [own, stdin, number] = (await shell(script)).split("\n");
    expect({ stdin, number }).toEqual({ stdin: own, number: "1:3" });
    expect(stdin).not.toBe(String(before.dev));
    expect(statSync("/dev/null").mode).toBe(before.mode);
  });

  it("of a container that waits, too; and what is no /dev/null is as it was given", async () => {
    const bundle = oci.bundle();
    await oci.start("one", bundle);
    const { pid } = await oci.state("one");
    expect(statSync(`/proc/${pid}/fd/0`).dev).toBe(statSync(`/proc/${pid}/root/dev/null`).dev);
    expect(statSync(`/proc/${pid}/fd/1`).isFile()).toBe(true);
  });
});

describe("/dev/core", () => {
  it("is there where the kernel has what it leads to", async () => {
    const links = (await shell("ls /dev")).split("\n").includes("core");
    expect(links).toBe(statSync("/proc/kcore", { throwIfNoEntry: false }) !== undefined);
  });
});

describe("--debug", () => {
  it("tells what is done, and stands in the log alone when there is one", async () => {
    const debug = (...words: string[]) => oci.run(["--debug", ...words]);
    const made = await debug("create", "--bundle", oci.bundle(), "one");
    const { pid } = await oci.state("one");
    expect(made).toMatchObject({ status: 0, stderr: expect.stringMatching(`level=debug msg="the process ${pid} has`) });
    await oci.expect(["start", "one"]);
    const exec = ["exec", "one", "sh", "-c", "echo $$; echo error >&2; exit 3"];
    const entered = await debug(...exec);
    expect(entered).toMatchObject({ status: 3, stdout: expect.stringMatching(/^\d+\n$/) });
    expect(entered.stderr).toMatch(/level=debug msg="exec one sh .*\n(.*\n)*.*level=debug msg="exec: the process \d+/);
    const log = `${oci.directory}/debug.log`;
    expect(await debug("--log", log, "--log-format", "json", ...exec)).toMatchObject({ status: 3, stderr: "error\n" });
    const lines = readFileSync(log, "utf8").trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).level)).toEqual(["debug", "debug"]);
  });
});

describe("COMMAND --help", () => {
  it("tells the usage and the flags of that command, and does nothing", async () => {
    expect(await oci.expect(["exec", "--help"])).toMatch(
      /^ct-runtime exec: .*\n\nUsage: ct-runtime \[global options\] exec \[options\] CONTAINER .*\n\nOptions:\n(.*\n)* {2}-u, --user <uid\[:gid\]> +as whom\n/,
    );
    for (const command of "create run start kill delete state list ps events pause resume update spec features".split(
      " ",
    )) {
      expect(await oci.expect([command, "-h"])).toContain(`Usage: ct-runtime [global options] ${command}`);
    }
    expect(await oci.expect(["list", "-q"])).toBe("");
  });
});
