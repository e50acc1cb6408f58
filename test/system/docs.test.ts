import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { copyImage } from "../../src/image/copy.ts";
import { layoutDestination } from "../../src/image/formats/layout.ts";
import { builtImage, busyboxLayer } from "../support/built-image.ts";
import { installed, requires } from "../support/prerequisite.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const bun = `${repository}/node_modules/.bin/bun`;
const directory = mkdtempSync("/tmp/ct-docs-");

/** The TypeScript examples of a page, in order. */
const examples = (page: string) =>
  [...readFileSync(`${repository}/${page}`, "utf8").matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1] ?? "");

function runExample(code: string, env: NodeJS.ProcessEnv = {}, launcher: readonly string[] = []) {
  writeFileSync(`${directory}/example.ts`, code);
  const [file = "", ...words] = [...launcher, bun, "example.ts"];
  const { status, stdout, stderr } = spawnSync(file, words, {
    cwd: directory,
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  return { status, stdout, stderr };
}

beforeAll(() => {
  mkdirSync(`${directory}/node_modules`);
  symlinkSync(repository, `${directory}/node_modules/libct`);
  for (const name of ["work", "site", "data", "rootfs/bin", "releases/1", "releases/2"])
    mkdirSync(`${directory}/${name}`, { recursive: true });
  writeFileSync(`${directory}/work/generated.sh`, "echo generated >made; echo done\n");
  writeFileSync(`${directory}/site/index.html`, "<h1>index</h1>\n");
  writeFileSync(`${directory}/data/hello`, "hello\n");
  cpSync("/bin/busybox", `${directory}/rootfs/bin/busybox`, { dereference: true });
  for (const name of ["sh", "cat", "hostname"]) symlinkSync("busybox", `${directory}/rootfs/bin/${name}`);
  cpSync(`${directory}/rootfs/bin`, `${directory}/releases/2/bin`, { recursive: true, verbatimSymlinks: true });
  writeFileSync(`${directory}/releases/2/release`, "second\n");
});
afterAll(() => rmSync(directory, { recursive: true }));

describe("the README's examples", () => {
  const [first = "", second = ""] = examples("README.md");

  it("run a command over the host's root, and code that nobody has read in a sandbox", () => {
    expect(runExample(first)).toMatchObject({ status: 0, stdout: "exit 0 done\n\n" });
    expect(readFileSync(`${directory}/work/made`, "utf8")).toBe("generated\n");
  });

  it("put a container together from its features", () => {
    const { status, stdout, stderr } = runExample(second);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^web\nhello\n<h1>index<\/h1>\n\{\n {2}exitCode: 0,/);
  });
});

it("the guide to containers that outlive their application: one is started, found and removed", () => {
  const [code = ""] = examples("docs/lifecycle.md");
  const { status, stdout, stderr } = runExample(code, { XDG_RUNTIME_DIR: directory });
  expect({ status, stdout, stderr }).toEqual({
    status: 0,
    stdout: `${"stdout hello\n".repeat(4)}2 stopped\n`,
    stderr: "",
  });
});

describe("the guide to containers that run", () => {
  const [entering = "", changing = ""] = examples("docs/enter.md");

  it("enters one", () => {
    expect(runExample(entering)).toMatchObject({ status: 0, stdout: "web\n7\n", stderr: "" });
  });

  it("changes one", () => {
    expect(runExample(changing)).toMatchObject({
      status: 0,
      stdout: "<h1>index</h1>\nrenamed\n64\n",
      stderr: "",
    });
  });
});

it("the worked example of a filesystem driver works", () => {
  const [driver = ""] = examples("docs/filesystems.md");
  expect(runExample(driver, { RELEASES: `${directory}/releases` })).toMatchObject({
    status: 0,
    stdout: "hello from second\n",
    stderr: "",
  });
});

it("the guide to networks: two containers find each other by name", () => {
  const [code = ""] = examples("docs/networks.md");
  writeFileSync(`${directory}/example.ts`, code);
  // In a network of its own, and with directories of its own in place of root's.
  const script = `
    ip link set lo up
    mkdir -p /var/lib/libct
    for place in /var/lib/libct /run; do mount -t tmpfs tmpfs $place; done
    exec ${bun} example.ts`;
  const options = { cwd: directory, encoding: "utf8" } as const;
  const { status, stdout, stderr } = spawnSync("unshare", ["--net", "--mount", "sh", "-ec", script], options);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).toContain("1 packets transmitted, 1 packets received");
  expect(stdout).toMatch(/\[ "web" \] \[ "10\.201\.0\.\d+\/24" \]/);
});

it("the guide to containers of other programs: one of LXC is imported, changed and run", () => {
  const [code = ""] = examples("docs/flavours.md");
  mkdirSync(`${directory}/web`);
  const config = `lxc.uts.name = web\nlxc.rootfs.path = ${directory}/rootfs\nlxc.tty.max = 4\n`;
  writeFileSync(`${directory}/web/config`, config);
  for (const name of ["dev", "proc"]) mkdirSync(`${directory}/rootfs/${name}`, { recursive: true });
  const { status, stdout, stderr } = runExample(code);
  expect({ status, stdout, stderr }).toEqual({
    status: 0,
    stdout:
      "lxc.tty.max = 4 is ignored: there are no /dev/tty1 and so on: /dev/console and pseudo-terminals are\nweb\n",
    stderr: "",
  });
});

it("the guide to images: one is fetched, run and changed", async () => {
  const image = await builtImage([busyboxLayer(), { "etc/hostname-of-the-image": "hello from an image\n" }]);
  await copyImage(image, layoutDestination(`${directory}/layout`, "v1"));
  const [code = ""] = examples("docs/images.md");
  const withStore = code.replace("Host.open()", `Host.open({ dataDirectory: "${directory}/store" })`);
  const { status, stdout, stderr } = runExample(withStore, { IMAGE: `oci:${directory}/layout:v1` });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  // The two layers are unpacked side by side.
  const lines = stdout.trimEnd().split("\n");
  expect(lines.pop()).toBe("hello from an image");
  expect(lines.sort()).toEqual(["unpacked", "unpacked", "unpacking", "unpacking"].map((how) => `a layer is ${how}`));
});

describe.runIf(requires("ip", installed("ip"), "it makes the bridge"))("the guide to networking", () => {
  const [pair = "", driver = ""] = examples("docs/networking.md");
  const BRIDGE =
    'ip link add br0 type bridge; ip addr add 10.7.0.1/24 dev br0; ip addr add fd07::1/64 dev br0 nodad; ip link set br0 up; exec "$@"';
  const launcher = ["unshare", "--net", "/bin/sh", "-ec", BRIDGE, "sh"];

  it("makes a pair on a bridge, and looks at it", () => {
    const seen = runExample(pair, {}, launcher);
    expect(seen).toMatchObject({ status: 0, stdout: "eth0 up 10.7.0.2/24 on br0\neth0\n", stderr: "" });
  });

  it("has a driver that works", () => {
    const seen = runExample(driver, {}, launcher);
    expect(seen).toMatchObject({ status: 0, stderr: "" });
    expect(seen.stdout).toContain("1 packets received");
  });
});
