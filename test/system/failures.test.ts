import { mkdirSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type ContainerSpec, type Host, LibctError, type ProcessSpec, standard } from "../../src/index.ts";
import { openHost } from "../support/host.ts";
import { hasLandlock, kernel } from "../support/kernel.ts";
import { busyboxRoot, type Failed, inProcess, playground, remove, traces } from "../support/playground.ts";

let host: Host;
let place: string;
let root: string;
let before: unknown;

beforeAll(async () => {
  host = await openHost();
  place = playground();
  root = busyboxRoot(`${place}/root`);
  // The root's path would make the messages different each time.
  writeFileSync(`${root}/bin/noformat`, "no program\n", { mode: 0o755 });
  writeFileSync(`${root}/bin/forbidden`, "#!/bin/sh\n", { mode: 0o644 });
  writeFileSync(`${root}/bin/uninterpreted`, "#!/bin/perl6\n", { mode: 0o755 });
  writeFileSync(`${place}/file`, "");
  mkdirSync(`${place}/directory`);
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  remove(place);
});
beforeEach(() => {
  before = traces(host.executorPid);
});
// Whatever failed: nothing is left.
afterEach(async () => {
  await expect.poll(() => traces(host.executorPid)).toEqual(before);
  expect(host.containers).toEqual([]);
});

const contained = (changes: Partial<ContainerSpec> = {}): ContainerSpec => ({
  ...standard({ userNamespace: false }),
  root,
  ...changes,
});

async function failureOf(
  spec: ContainerSpec,
  process: readonly string[] | (Partial<ProcessSpec> & { args: readonly string[] }) = ["/bin/true"],
): Promise<LibctError> {
  const attempt = async () => {
    await using container = await host.create(spec);
    const started = await container.start(process);
    await started.wait();
  };
  const error = await attempt().catch((thrown: unknown) => thrown);
  if (error instanceof LibctError) return error;
  throw new Error(`expected a LibctError, got ${String(error)}`);
}
const message = async (...args: Parameters<typeof failureOf>) =>
  (await failureOf(...args)).message.replaceAll(place, "PLACE");
const mounts = (...added: NonNullable<ContainerSpec["mounts"]>) =>
  contained({ mounts: [...(contained().mounts ?? []), ...added] });

describe("the messages of the most common failures", () => {
  it("no such command", async () => {
    expect(await message(contained(), ["nonsense"])).toMatchInlineSnapshot(
      `"command not found: nonsense is not in PATH: ENOENT (process.args[0])"`,
    );
    expect(await message(contained(), ["/bin/nonsense"])).toMatchInlineSnapshot(
      `"command not found: execve /bin/nonsense: ENOENT (process.args[0]); hint: the file, the interpreter after #!, or the dynamic loader is missing in the container's root"`,
    );
  });

  it("a script whose interpreter is missing", async () => {
    expect(await message(contained(), ["/bin/uninterpreted"])).toMatchInlineSnapshot(
      `"command not found: execve /bin/uninterpreted: ENOENT (process.args[0]); hint: the file, the interpreter after #!, or the dynamic loader is missing in the container's root"`,
    );
  });

  it("a file that is not a program", async () => {
    expect(await message(contained(), ["/bin/noformat"])).toMatchInlineSnapshot(
      `"command cannot be executed: execve /bin/noformat: ENOEXEC (process.args[0]); hint: a script needs a first line with #!, and a program must be one for this machine's architecture"`,
    );
  });

  it("a file without permission", async () => {
    expect(await message(contained(), ["forbidden"])).toMatchInlineSnapshot(
      `"command cannot be executed: execve /bin/forbidden: EACCES (process.args[0]); hint: the file needs permission to be executed (chmod +x), on a mount without noexec, in directories that the user may enter"`,
    );
  });

  it("a root that is not there", async () => {
    expect(await message(contained({ root: `${place}/nowhere` }))).toMatchInlineSnapshot(
      `"PLACE/nowhere does not exist (root)"`,
    );
  });

  it("a bind source that is not there", async () => {
    expect(
      await message(mounts({ destination: "/data", source: "/nowhere", options: ["bind"] })),
    ).toMatchInlineSnapshot(`"the bind source /nowhere does not exist (mounts[6].source)"`);
  });

  it("a mount option that the filesystem does not know", async () => {
    expect(
      await message(mounts({ destination: "/data", type: "tmpfs", options: ["colour=blue"] })),
    ).toMatchInlineSnapshot(
      `"mount tmpfs on /data: EINVAL (mounts[6]); hint: the filesystem does not take one of the options; the kernel's log mostly says which (dmesg)"`,
    );
  });

  it("a directory on a file", async () => {
    const onto = { destination: "/etc/passwd", source: `${place}/directory`, options: ["bind"] };
    const failed = kernel.openTree ? "move_mount /etc/passwd: EINVAL" : "mount self/fd/900 on /etc/passwd: ENOTDIR";
    expect(await message(mounts(onto))).toBe(
      `bind PLACE/directory: ${failed} (mounts[6]); hint: a directory can only be mounted on a directory, and a file on a file`,
    );
  });

  it("an id that is not mapped", async () => {
    const map = [{ containerID: 0, hostID: 0, size: 1 }];
    const spec = { ...contained(), ...standard({ userNamespace: true }), root, uidMappings: map, gidMappings: map };
    expect(await message(spec, { args: ["/bin/true"], user: "33:33" })).toMatchInlineSnapshot(
      `"setresgid(33, 33, 33): EINVAL (process.user); hint: id 33 is not mapped in the user namespace: see uidMappings and gidMappings"`,
    );
  });

  it("a user that the container does not know", async () => {
    expect(await message(contained(), { args: ["/bin/true"], user: "nobody-here" })).toMatchInlineSnapshot(
      `"no user "nobody-here" in the container's /etc/passwd (process.user); hint: "nobody-here" was asked for; numeric ids always work"`,
    );
  });

  it("a working directory that is not there", async () => {
    expect(await message(contained(), { args: ["/bin/true"], cwd: "/nowhere" })).toMatchInlineSnapshot(
      `"enter the working directory: chdir /nowhere: ENOENT (process.cwd); hint: the directory must exist in the container and be open to the user"`,
    );
  });
});

describe("a failure half-way leaves nothing behind", () => {
  it.each<[string, () => ContainerSpec, string]>([
    ["in a mount", () => mounts({ destination: "/data", type: "nofs" }), "mounts[6]"],
    [
      "in a device",
      () => contained({ devices: [{ path: "/etc/passwd/x", type: "c", major: 1, minor: 3 }] }),
      "devices[0]",
    ],
    ["in a kernel parameter", () => contained({ sysctl: { "net.ipv4.nonsense": "1" } }), "sysctl.net.ipv4.nonsense"],
    ["below a file", () => mounts({ destination: "/etc/passwd/below", type: "tmpfs" }), "mounts[6]"],
    ["in a root without a command", () => contained({ root: `${place}/directory` }), "process.args[0]"],
  ])("%s", async (_, spec, member) => {
    const error = await failureOf(spec());
    expect(error.member).toBe(member);
    expect(error.errno).toMatch(/^E[A-Z]+$/);
  });

  it("in the look-up of a user, with cgroups made already", async () => {
    const spec = contained({ resources: { pids: { limit: 5 } } });
    expect((await failureOf(spec, { args: ["/bin/true"], user: "ghost" })).member).toBe("process.user");
  });

  it("when the command cannot be executed, with a terminal", async () => {
    expect((await failureOf(contained(), { args: ["/bin/nonsense"], terminal: true })).code).toBe(
      "ERR_CT_COMMAND_NOT_FOUND",
    );
  });

  it("twenty at a time", async () => {
    const failing = Array.from({ length: 20 }, () =>
      failureOf(contained({ resources: { pids: { limit: 5 } } }), ["/bin/nonsense"]),
    );
    const codes = (await Promise.all(failing)).map(({ code }) => code);
    expect(new Set(codes)).toEqual(new Set(["ERR_CT_COMMAND_NOT_FOUND"]));
  });
});

/** A specification for an ordinary user, as text. */
const small = () => `{ ...libct.standard({ userNamespace: true }), root: ${JSON.stringify(root)} }`;

describe("limits", () => {
  it("a cgroup that cannot be made is an error, not a limit that is not kept", async () => {
    const body = `await using c = await host.create({ ...${small()}, resources: { pids: { limit: 5 } } }); await c.start(["true"]);`;
    const error = await inProcess<Failed>(body, { uid: 12345 });
    expect(error).toMatchObject({ code: "ERR_CT_NOT_PERMITTED", member: "resources.pids.limit" });
  });

  it("a hard limit is not raised without CAP_SYS_RESOURCE", async () => {
    const rlimits = '[{ type: "RLIMIT_NOFILE", soft: 10, hard: 1e9 }]';
    const body = `await using c = await host.create(${small()}); await c.start({ args: ["true"], rlimits: ${rlimits} });`;
    const error = await inProcess<Failed>(body, { uid: 12345 });
    expect(error).toMatchObject({
      code: "ERR_CT_SYSCALL",
      errno: "EPERM",
      member: "process.rlimits[0]",
      hint: "a hard limit can only be raised with CAP_SYS_RESOURCE",
    });
  });

  it("more processes than the cgroup allows cannot be made, and the container ends as usual", async () => {
    await using container = await host.create(contained({ resources: { pids: { limit: 4 } } }));
    const started = await container.start(["/bin/sh", "-c", "for i in 1 2 3 4 5 6 7 8; do sleep 100 & done"]);
    let err = "";
    for await (const line of started.stderr?.lines() ?? []) err += line;
    expect((await started.wait()).exitCode).not.toBe(0);
    expect(err).toContain("fork");
  });
});

describe("bad input is refused before anything is made", () => {
  it.each<[string, unknown, string]>([
    ["an unknown member", { mouts: [] }, "mouts"],
    ["an unknown namespace", { namespaces: ["net"] }, "namespaces[0]"],
    [
      "a relative destination",
      { namespaces: ["mount"], mounts: [{ destination: "data", type: "tmpfs" }] },
      "mounts[0].destination",
    ],
    [
      "a namespace file that is not there",
      { namespaces: [{ type: "network", path: "/proc/1/ns/nonsense" }] },
      "namespaces[0].path",
    ],
    [
      "an unknown capability",
      { process: { capabilities: { bounding: ["CAP_FLY"] } } },
      "process.capabilities.bounding[0]",
    ],
    ["a map of nothing", { namespaces: ["user"], uidMappings: [] }, "uidMappings"],
  ])("%s", async (_, spec, member) => {
    const error = await failureOf(spec as ContainerSpec);
    expect([error.code, error.member]).toEqual(["ERR_CT_INVALID_SPEC", member]);
  });
});

describe("where user namespaces are forbidden", () => {
  const forbidden = [
    "unshare",
    "--user",
    "--map-root-user",
    "sh",
    "-c",
    'echo 0 > /proc/sys/user/max_user_namespaces; exec "$0" "$@"',
  ];

  it("the error says what is missing, who forbids it and what to do", async () => {
    const error = await inProcess<Failed>('return host.run(["true"], { sandbox: {} });', { launcher: forbidden });
    expect(error).toMatchObject({ code: "ERR_CT_NOT_PERMITTED", errno: "ENOSPC", member: "namespaces" });
    expect(error.message).toMatchInlineSnapshot(
      `"user namespaces cannot be made here: ENOSPC (namespaces); hint: the administrator set user.max_user_namespaces to 0: sysctl user.max_user_namespaces=10000; the sandbox needs none with isolation "landlock""`,
    );
  });

  it.runIf(hasLandlock())("the sandbox by Landlock works, when it is asked for", async () => {
    const result = await inProcess('return host.run(["id", "-u"], { sandbox: { isolation: "landlock" } });', {
      launcher: forbidden,
    });
    expect(result).toMatchObject({ exitCode: 0, stdout: "0\n", reason: "exit" });
  });

  it("namespaces without a user namespace are an error of their own", async () => {
    const error = await inProcess<Failed>(
      'await using c = await host.create({ namespaces: ["pid"] }); await c.start(["true"]);',
      { uid: 12345 },
    );
    expect(error).toMatchObject({
      errno: "EPERM",
      hint: 'only root can make other namespaces without a user namespace: add "user" to namespaces',
    });
  });
});
