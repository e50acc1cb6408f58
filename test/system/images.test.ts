import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { copyImage } from "../../src/image/copy.ts";
import { layoutDestination } from "../../src/image/formats/layout.ts";
import type { Host } from "../../src/index.ts";
import { runScript, spawnScript } from "../support/as-user.ts";
import { builtImage, busyboxLayer, type LayerFiles } from "../support/built-image.ts";
import { outcome } from "../support/capture.ts";
import { openImageHost } from "../support/host.ts";
import { auditEachTest } from "../support/leaks.ts";
import { temporaryDirectory } from "../support/rootfs.ts";

const directory = temporaryDirectory();
const data = `${directory}/data`;
let host: Host;
const app = (layers: readonly LayerFiles[], config: object = {}) => builtImage([busyboxLayer(), ...layers], { config });
const run = async (image: string, ...args: string[]) => {
  const { exitCode, stdout, stderr } = await host.run(args, { image });
  return { exitCode, stdout, stderr };
};
const HOSTS = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"];
/** All files of the store, but for its lock. */
const files = (): string[] =>
  readdirSync(data, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(data.length + 1))
    .filter((path) => path !== "lock" && !path.startsWith("locks/"))
    .sort();

beforeAll(async () => {
  host = await openImageHost(data);
  await host.images.pull(await app([{ hello: "hi\n" }], { Cmd: ["cat", "/hello"] }), { name: "app" });
});
afterAll(() => host[Symbol.asyncDispose]());
auditEachTest();

describe("a container over an image", () => {
  it("executes what the image says, or what is said in its place", async () => {
    expect(await run("app")).toEqual({ exitCode: 0, stdout: "hi\n", stderr: "" });
    expect(await run("app", "echo", "mine")).toMatchObject({ stdout: "mine\n" });
    const entry = await app([], { Entrypoint: ["echo", "entry"], Cmd: ["own"] });
    await host.images.pull(entry, { name: "entry" });
    expect(await run("entry")).toMatchObject({ stdout: "entry own\n" });
    expect(await run("entry", "a", "b")).toMatchObject({ stdout: "entry a b\n" });
    const other = await host.run(["-c", "echo other"], { image: { name: "entry", entrypoint: ["sh"] } });
    expect(other.stdout).toBe("other\n");
  });

  it("finds others by the host's names when it shares the host's network", async () => {
    const names = ["cat", "/etc/hosts"];
    const shared = await host.run(names, { image: "app", network: "host" });
    expect(shared.stdout).toBe(readFileSync("/etc/hosts", "utf8"));
  });

  it("has the files of names whatever its network, and they are no changes of its own", async () => {
    const image = await app([{ "etc/hosts": "the image's", "etc/resolv.conf": "" }]);
    await host.images.pull(image, { name: "named" });
    for (const name of ["app", "named"]) {
      for (const network of ["none", "host"] as const) {
        await using container = await host.create({
          image: name,
          hostname: "box",
          namespaces: ["mount", "pid", "uts", ...(network === "none" ? (["network"] as const) : [])],
        });
        const look = "cat /etc/hostname; cat /etc/hosts; ls /etc/resolv.conf; echo go; read x; echo 1 >>/etc/hosts";
        const process = await container.start(["sh", "-c", `${look}; echo go; read x`], { stdin: "pipe" });
        const said: string[] = [];
        const changes = [];
        for await (const line of process.stdout?.lines() ?? []) {
          said.push(line);
          if (line !== "go") continue;
          for await (const { path } of host.images.diff(container)) changes.push(path);
          process.stdin?.write("\n");
        }
        expect((await process.wait()).exitCode).toBe(0);
        expect(said).toEqual(["box", ...HOSTS, "/etc/resolv.conf", "go", "go"]);
        // What the container itself has written is.
        expect(changes).toEqual(["/etc", "/etc/hosts"]);
      }
    }
  });

  it("has a place of its own, also when it was explained and others have come and gone since", async () => {
    await using first = await host.create({ image: "app", namespaces: ["mount", "pid"] });
    await first.explain(["true"]);
    await using second = await host.create({ image: "app", namespaces: ["mount", "pid"] });
    const waiting = await second.start(["sh", "-c", "echo second >/x; echo go; read x; cat /x"], { stdin: "pipe" });
    const lines: string[] = [];
    for await (const line of waiting.stdout?.lines() ?? []) {
      lines.push(line);
      if (line !== "go") continue;
      expect((await (await first.start(["sh", "-c", "echo first >/x"])).wait()).exitCode).toBe(0);
      expect((await run("app", "sh", "-c", "ls /x || echo none")).stdout).toBe("none\n");
      waiting.stdin?.end("\n");
    }
    expect(lines).toEqual(["go", "second"]);
    await waiting.wait();
  });

  it("may lie in a layout, which is looked at each time", async () => {
    const layout = `oci:${directory}/layout:v1`;
    for (const text of ["first", "second"]) {
      await copyImage(await app([{ text }]), layoutDestination(`${directory}/layout`, "v1"));
      expect(await run(layout, "cat", "/text")).toMatchObject({ exitCode: 0, stdout: text });
    }
    const never = host.run(["true"], { image: { name: layout, pull: "never" } });
    await expect(never).rejects.toThrow(/lies outside of the store.*hint: fetch it first/);
    await host.images.prune();
  });

  it("has its user, environment, working directory, labels, stop signal and health check", async () => {
    const image = await app([], {
      User: "app",
      Env: ["A=image", "B=image"],
      WorkingDir: "/not/there/yet",
      Labels: { team: "blue" },
      StopSignal: "SIGUSR1",
      Healthcheck: { Test: ["CMD", "true"], Interval: 1e9 },
    });
    await host.images.pull(image, { name: "whole" });
    const told = await host.run(["sh", "-c", 'id; pwd; echo "$A $B $HOME"'], { image: "whole", env: { B: "mine" } });
    expect(told.stdout).toBe(
      "uid=1000(app) gid=1001(app) groups=50(staff),1001(app)\n/not/there/yet\nimage mine /home/app\n",
    );
    await using container = await host.create({ image: "whole", namespaces: ["mount", "pid"] });
    expect(container.spec).toMatchObject({
      annotations: { team: "blue", "org.opencontainers.image.os": "linux" },
      stopSignal: "SIGUSR1",
      healthcheck: { command: ["true"], interval: 1 },
    });
  });

  it("may be another user, by the image's own names", async () => {
    const id = async (user: string) => (await host.run(["id"], { image: "app", user })).stdout;
    expect(await id("app")).toBe("uid=1000(app) gid=1001(app) groups=50(staff),1001(app)\n");
    expect(await id("1000")).toBe("uid=1000(app) gid=1001(app) groups=50(staff),1001(app)\n");
    expect(await id("1000:50")).toBe("uid=1000(app) gid=50(staff) groups=50(staff)\n");
    expect(await id("77")).toBe("uid=77 gid=0(root) groups=0(root)\n");
    await expect(host.run(["id"], { image: "app", user: "nobody-here" })).rejects.toThrow(
      'no user "nobody-here" in the container\'s /etc/passwd',
    );
  });

  it("sees the layers as one, with what upper ones have taken away or put in place of others", async () => {
    const image = await app([
      { "d/a": "a1", "d/b": "b1", "e/old": "old", file: "lower" },
      { "d/.wh.a": "", "d/c": "c2", "e/.wh..wh..opq": "", "e/new": "new", "file/inner": "now a directory" },
    ]);
    await host.images.pull(image, { name: "layered" });
    const { stdout } = await run("layered", "sh", "-c", "ls d e; cat file/inner");
    expect(stdout).toBe("d:\nb\nc\n\ne:\nnew\nnow a directory");
  });

  it("may have the same layer twice, and more layers than a page of mount options holds", async () => {
    const many = Array.from({ length: 110 }, (_, index) => ({ [`layer/${index}`]: `${index}` }));
    const image = await app([...many, many[3] as LayerFiles]);
    await host.images.pull(image, { name: "many" });
    expect((await run("many", "ls", "layer")).stdout.trim().split("\n")).toHaveLength(110);
  });

  it("keeps what it changes to itself, and takes it along", async () => {
    await run("app", "sh", "-c", "echo changed >/hello; rm -r /home; mkdir /mine");
    expect(await run("app", "sh", "-c", "cat /hello; ls -d /home /mine")).toMatchObject({
      stdout: "hi\n/home\n",
    });
    expect(readdirSync(`${data}/containers`)).toEqual([]);
  });

  it("leaves nothing behind when it cannot be started", async () => {
    await expect(host.run(["no-such-program"], { image: "app" })).rejects.toMatchObject({
      code: "ERR_CT_COMMAND_NOT_FOUND",
    });
    await using container = await host.create({ image: "app", namespaces: ["mount"] });
    await container.explain();
    expect(readdirSync(`${data}/containers`)).toEqual([]);
  });

  it("is not fetched when it is here, and not at all when that is not wanted", async () => {
    const { signal } = new AbortController();
    await expect(host.run([], { image: { name: "absent.invalid/x", pull: "never", signal } })).rejects.toMatchObject({
      code: "ERR_CT_NO_SUCH_IMAGE",
    });
    expect((await host.run([], { image: { name: "app", pull: "missing" } })).stdout).toBe("hi\n");
  });

  it("keeps an image that is removed meanwhile, until it is gone itself", async () => {
    await host.images.pull(await app([{ hello: "short-lived\n" }]), { name: "short" });
    await using container = await host.create({ image: "short", namespaces: ["mount", "pid"] });
    const process = await container.start(["sh", "-c", "read x; cat /hello"], { stdin: "pipe" });
    await expect(host.images.remove("short")).rejects.toThrow("is used by a container");
    await host.images.remove("short", { force: true });
    process.stdin?.end("go\n");
    expect(await outcome(process)).toMatchObject({ stdout: "short-lived\n" });
    await container[Symbol.asyncDispose]();
    await host.images.prune();
    expect(files().filter((path) => path.startsWith("containers"))).toEqual([]);
    await expect(host.images.inspect("short")).rejects.toMatchObject({ code: "ERR_CT_NO_SUCH_IMAGE" });
  });
});

describe("a container's changes", () => {
  it("become an image, which is the image below and a layer", async () => {
    await using container = await host.create({ image: "app", namespaces: ["mount", "pid"] });
    const script = "echo new >/new; echo changed >/hello; rm /etc/group; mkdir -p /d/e; echo go; read x";
    const process = await container.start(["sh", "-c", script], { stdin: "pipe" });
    for await (const line of process.stdout?.lines() ?? []) if (line === "go") break;
    const changes = [];
    for await (const { kind, path } of host.images.diff(container)) changes.push(`${kind} ${path}`);
    expect(changes).toEqual([
      "added /d",
      "added /d/e",
      "changed /etc",
      "removed /etc/group",
      "changed /hello",
      "added /new",
    ]);
    const image = await host.images.commit(container, { name: "patched", message: "why", changes: ["ENV A=1"] });
    process.stdin?.end();
    await process.wait();
    expect(image).toMatchObject({ name: "docker.io/library/patched:latest", layers: { length: 3 } });
    const shown = await host.run(["sh", "-c", "cat /new /hello; ls /etc; echo $A"], { image: "patched" });
    expect(shown.stdout).toBe("new\nchanged\nhostname\nhosts\npasswd\nresolv.conf\n1\n");
    expect((await host.images.history("patched"))[0]).toMatchObject({
      comment: "why",
      createdBy: "ct commit; ENV A=1",
    });
    expect((await run("app")).stdout).toBe("hi\n");
    await host.images.remove("patched");
  });

  it("are those of a container over an image, which has been started", async () => {
    await using plain = await host.create({ namespaces: ["mount"] });
    await expect(host.images.commit(plain)).rejects.toThrow("is not over an image");
    await using fresh = await host.create({ image: "app", namespaces: ["mount"] });
    await expect(host.images.commit(fresh)).rejects.toThrow("has never been started");
  });

  it("go with a container that has ended and is not kept, and whoever asks for them is told so", async () => {
    await using container = await host.create({ name: "brief", image: "app", namespaces: ["mount"] });
    await (await container.start(["true"])).wait();
    await container[Symbol.asyncDispose]();
    const gone = { code: "ERR_CT_STATE", message: expect.stringContaining("brief has ended") };
    await expect(host.images.commit(container)).rejects.toMatchObject({ ...gone, hint: expect.stringContaining("-d") });
    await expect(host.images.diff(container).next()).rejects.toMatchObject(gone);
    await expect(host.images.export(container, `${directory}/brief.tar`)).rejects.toMatchObject(gone);
    expect(existsSync(`${directory}/brief.tar`)).toBe(false);
  });
});

describe("a directory of which a layer hides what lies below", () => {
  it("hides it in every namespace of users, and hides nothing of its own when it is copied up", async () => {
    const layers = [{ "d/old": "old" }, { "d/.wh..wh..opq": "", "d/new": "new" }];
    await host.images.pull(await app(layers), { name: "hiding" });
    for (const userNamespace of [false, true]) {
      expect((await host.run(["ls", "/d"], { image: "hiding", userNamespace })).stdout).toBe("new\n");
    }
    await using container = await host.create({ image: "hiding", namespaces: ["mount", "pid"] });
    const process = await container.start(["sh", "-c", "echo x >/d/more; echo go; read x"], { stdin: "pipe" });
    for await (const line of process.stdout?.lines() ?? []) if (line === "go") break;
    await host.images.commit(container, { name: "more" });
    await host.images.export(container, `${directory}/hiding.tar`);
    process.stdin?.end();
    await process.wait();
    expect((await host.run(["ls", "/d"], { image: "more" })).stdout).toBe("more\nnew\n");
    const names = execFileSync("tar", ["-tf", `${directory}/hiding.tar`], { encoding: "utf8" }).split("\n");
    expect(names.filter((name) => name.startsWith("d/")).sort()).toEqual(["d/", "d/more", "d/new"]);
    await host.images.remove("more");
    await host.images.remove("hiding");
  });
});

describe("volumes", () => {
  it("stay when containers go, and are not removed while one uses them", async () => {
    const mounts = [{ type: "volume", source: "kept", destination: "/kept" }];
    await host.run(["sh", "-c", "echo one >/kept/file"], { image: "app", mounts });
    expect((await host.run(["cat", "/kept/file"], { image: "app", mounts })).stdout).toBe("one\n");
    expect((await host.run(["cat", "/kept/file"], { mounts })).stdout).toBe("one\n");
    await using container = await host.create({ image: "app", namespaces: ["mount", "pid"], mounts });
    const process = await container.start(["sh", "-c", "read x"], { stdin: "pipe" });
    await expect(host.volumes.remove("kept")).rejects.toMatchObject({ code: "ERR_CT_STATE" });
    process.stdin?.end();
    await process.wait();
    await container[Symbol.asyncDispose]();
    expect((await host.volumes.list()).map(({ name }) => name)).toEqual(["kept"]);
    expect(await host.volumes.prune()).toEqual(["kept"]);
    await expect(host.volumes.inspect("kept")).rejects.toThrow("there is no volume kept");
  });

  it("begin with what the image has at their place, whose it is there, and do not belong to the image", async () => {
    const image = await app(
      [
        { "data/": { uid: 1000, mode: 0o750 }, "data/a": "a", "data/b": "b" },
        { "data/": { uid: 1000, mode: 0o750 }, "data/.wh.b": "", "data/c": { content: "c", uid: 1000 } },
      ],
      { Volumes: { "/data": {}, "/fresh": {} } },
    );
    await host.images.pull(image, { name: "voluminous" });
    const look = ["sh", "-c", "stat -c '%u %a' /data /data/c; ls /data; echo x >/data/new; echo y >/fresh/y; ls /"];
    const own = await host.run(look, { image: "voluminous", readonlyRoot: true });
    expect(own).toMatchObject({ stdout: expect.stringMatching(/^1000 750\n1000 644\na\nc\n/), stderr: "" });
    expect(readdirSync(`${data}/containers`)).toEqual([]);
    const mounts = [{ type: "volume", source: "filled", destination: "/data" }];
    expect((await host.run(look, { image: "voluminous", mounts })).stdout).toMatch(/^1000 750\n1000 644\na\nc\n/);
    expect((await host.run(["ls", "/data"], { image: "voluminous", mounts })).stdout).toBe("a\nc\nnew\n");
    const empty = [{ ...mounts[0], source: "empty", destination: "/data", options: ["nocopy"] }];
    expect((await host.run(["ls", "/data"], { image: "voluminous", mounts: empty })).stdout).toBe("");
    expect(await host.volumes.prune()).toEqual(["empty", "filled"]);
  });

  it("may be whatever mount(8) mounts", async () => {
    await host.volumes.create("memory", { options: { type: "tmpfs", device: "tmpfs", o: "size=1m,mode=700" } });
    await host.volumes.create("there", { options: { type: "none", device: directory, o: "bind,ro" } });
    const mounts = ["memory", "there"].map((source) => ({ type: "volume", source, destination: `/${source}` }));
    const { stdout } = await host.run(
      ["sh", "-c", "stat -c %a /memory; ls -d /there/data; touch /there/x || echo ro"],
      {
        image: "app",
        mounts,
      },
    );
    expect(stdout).toBe("700\n/there/data\nro\n");
    await expect(host.volumes.create("bad", { driver: "nfs" })).rejects.toThrow("drivers are local, tmpfs");
    await expect(host.volumes.create("../x")).rejects.toThrow("is no name of a volume");
    expect(await host.volumes.prune()).toEqual(["memory", "there"]);
  });
});

/** A script in a process of its own; `image` is the same in all of them. */
const SCRIPT = `
import { builtImage, busyboxLayer } from "${new URL("../support/built-image.ts", import.meta.url).pathname}";
const host = await ct.Host.open({ dataDirectory: process.env.DATA, executor: process.env.LIBCT_TEST_EXECUTOR });
// Of the same seed the same; hardly compressible.
let seed = Number(process.env.SEED ?? 1);
const more = Buffer.from(Array.from({ length: 300_000 }, () => (seed = (seed * 1103515245 + 12345) % 2147483648) >> 16));
const image = await builtImage([busyboxLayer(), { hello: "from afar" }, { more }], { config: { Cmd: ["cat", "/hello"] } });
`;

describe("several processes", () => {
  it("fetch the same image at once, and each layer is unpacked by one of them", async () => {
    const scripts = await Promise.all(
      [1, 2, 3].map(() =>
        runScript(
          `${SCRIPT}
          const steps = [];
          for await (const e of host.images.pull(image, { name: "shared" })) if (e.event === "layer") steps.push(e.status);
          const { stdout } = await host.run([], { image: "shared" });
          report({ stdout, steps });
          await host[Symbol.asyncDispose]();`,
          temporaryDirectory(),
          { env: { DATA: data } },
        ),
      ),
    );
    for (const [told] of scripts) expect(told).toMatchObject({ stdout: "from afar" });
    expect(files().filter((path) => path.includes("~"))).toEqual([]);
    expect((await run("shared")).stdout).toBe("from afar");
  });

  it("are killed while they fetch or unpack, and what they have left is found; the image can be fetched again", async () => {
    const before = files();
    for (const point of ["blob", "layer"]) {
      const place = temporaryDirectory();
      const child = spawnScript(
        `${SCRIPT}
        const slow = { ...image, manifest: image.manifest, async blob(d, o) {
          const { from, content } = await image.blob(d, o);
          return { from, content: (async function* () {
            for await (const part of content) { yield part; if ("${point}" === "blob" && d.size > 65536) { report("now"); await new Promise(() => setInterval(() => 0, 1000)); } }
          })() };
        } };
        for await (const e of host.images.pull("${point}" === "blob" ? slow : image, { name: "killed" })) {
          if (e.event === "layer" && e.status === "unpacking") { report("now"); process.kill(process.pid, "SIGSTOP"); }
        }`,
        place,
        { env: { DATA: data, SEED: "77" } },
      );
      await new Promise((resolve) => child.stdout.once("data", resolve));
      child.kill("SIGKILL");
      await new Promise((resolve) => child.once("close", resolve));
      await host.images.prune();
      expect(files(), point).toEqual(before);
    }
    await runScript(
      `${SCRIPT} await host.images.pull(image, { name: "again" }); report("done"); await host[Symbol.asyncDispose]();`,
      temporaryDirectory(),
      { env: { DATA: data, SEED: "77" } },
    );
    expect((await run("again")).stdout).toBe("from afar");
  });

  it("are killed while their containers run, and the containers' own layers are found", async () => {
    const child = spawnScript(
      `${SCRIPT}
      await host.images.pull(image, { name: "again" });
      const container = await host.create({ image: "again", namespaces: ["mount", "pid"] });
      await container.start(["sh", "-c", "echo x >/x; echo started; sleep 100"], { stdout: "inherit" });`,
      temporaryDirectory(),
      { env: { DATA: data, SEED: "77" } },
    );
    await new Promise((resolve) => child.stdout.once("data", resolve));
    expect(readdirSync(`${data}/containers`)).toHaveLength(1);
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("close", resolve));
    expect(await host.images.prune()).toMatchObject({ containers: 1 });
    expect(readdirSync(`${data}/containers`)).toEqual([]);
  });
});

it("the store is nobody else's to look at: layers have programs with the set-user-ID bit", () => {
  expect(statSync(data).mode & 0o777).toBe(0o700);
});
