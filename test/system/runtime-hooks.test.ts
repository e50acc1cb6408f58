import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { auditEachTest } from "../support/leaks.ts";
import { type Config, ociRuntime } from "../support/oci.ts";
import { temporaryDirectory } from "../support/rootfs.ts";

auditEachTest();
const oci = ociRuntime();
afterEach(() => oci.clean());

const NAMESPACES = ["mnt", "pid", "net", "uts", "ipc"] as const;
type Namespaces = Readonly<Record<(typeof NAMESPACES)[number], string>>;
const OUTSIDE = ["prestart", "createRuntime", "createContainer", "poststart", "poststop"] as const;
type Name = (typeof OUTSIDE)[number] | "startContainer";

/** Writes down what it sees, in its first argument, and ends as its second says. */
const SCRIPT = `#!/bin/sh
state=$(cat)
{
  printf '%s\\n' "$state"
  for name in ${NAMESPACES.join(" ")}; do readlink /proc/self/ns/$name; done
  pwd
  tr '\\0' '\\n' </proc/self/environ
} >"$1.$$-$(date +%s)"
echo "words of the hook" >&2
exit \${2:-0}
`;

interface Seen {
  readonly name: string;
  readonly state: Readonly<Record<string, unknown>>;
  readonly namespaces: Namespaces;
  readonly environment: readonly string[];
}

/** A bundle with all six hooks; what they have seen is read by the function beside it. */
function withHooks(change: (config: Config, hook: (name: Name, ...words: string[]) => object) => void) {
  const log = temporaryDirectory();
  let inside = "";
  const bundle = oci.bundle((config, root) => {
    inside = `${root}/hooks`;
    mkdirSync(inside);
    for (const path of [`${log}/hook`, `${inside}/hook`]) {
      writeFileSync(path, SCRIPT);
      chmodSync(path, 0o755);
    }
    const hook = (name: Name, ...words: string[]) => {
      const at = name === "startContainer" ? "/hooks" : log;
      return {
        path: `${at}/hook`,
        args: ["hook", `${at}/${name}`, ...words],
        env: [`NAME=${name}`, "PATH=/bin:/usr/bin"],
      };
    };
    config.annotations = { "org.example": "yes" };
    const all = [...OUTSIDE, "startContainer" as const].map((name) => [name, [hook(name)]]);
    config.hooks = Object.fromEntries(all) as NonNullable<Config["hooks"]>;
    change(config, hook);
  });
  const seen = (): readonly Seen[] =>
    [log, inside]
      .flatMap((directory) => readdirSync(directory).map((file) => `${directory}/${file}`))
      .filter((path) => !path.endsWith("/hook"))
      .sort((a, b) => (time(a) < time(b) ? -1 : 1))
      .map(readSeen);
  return { bundle, seen };
}

const time = (path: string) => statSync(path, { bigint: true }).mtimeNs;

function readSeen(path: string): Seen {
  const [state = "", ...rest] = readFileSync(path, "utf8").trim().split("\n");
  const namespaces = Object.fromEntries(NAMESPACES.map((name, at) => [name, rest[at] ?? ""])) as Namespaces;
  const name = path.slice(path.lastIndexOf("/") + 1).split(".")[0] ?? "";
  return { name, state: JSON.parse(state), namespaces, environment: rest.slice(NAMESPACES.length + 1) };
}

const namespacesOf = (pid: number | "self") =>
  Object.fromEntries(NAMESPACES.map((name) => [name, readlinkSync(`/proc/${pid}/ns/${name}`)])) as Namespaces;
const recorded = (id: string) => existsSync(`${oci.directory}/state/containers/${id}`);

describe("hooks of the OCI runtime-spec", () => {
  it("come in their order, each in its namespaces, with the container's state and just their environment", async () => {
    const { bundle, seen } = withHooks(() => undefined);
    await oci.expect(["create", "--bundle", bundle, "hooked"]);
    expect(seen().map(({ name }) => name)).toEqual(["prestart", "createRuntime", "createContainer"]);
    const { pid } = await oci.state("hooked");
    const inside = namespacesOf(pid);
    await oci.expect(["start", "hooked"]);
    await oci.expect(["delete", "--force", "hooked"]);
    const all = seen();
    const host = namespacesOf("self");
    expect(
      all.map(({ name, state, namespaces, environment }) => [name, state.status, state.pid, namespaces, environment]),
    ).toEqual(
      (
        [
          ["prestart", "creating", pid, host],
          ["createRuntime", "creating", pid, host],
          ["createContainer", "creating", 1, inside],
          ["startContainer", "created", 1, inside],
          ["poststart", "running", pid, host],
          ["poststop", "stopped", undefined, host],
        ] as const
      ).map((one) => [...one, [`NAME=${one[0]}`, "PATH=/bin:/usr/bin"]].map((part) => part)),
    );
    for (const { state } of all) {
      expect(state).toMatchObject({ ociVersion: "1.3.0", id: "hooked", bundle, annotations: { "org.example": "yes" } });
    }
  });

  for (const name of ["prestart", "createRuntime", "createContainer"] as const) {
    it(`a ${name} hook that fails is the end of create, and leaves nothing but poststop's work`, async () => {
      const { bundle, seen } = withHooks((config, hook) => {
        config.hooks = { ...config.hooks, [name]: [hook(name, "3"), hook(name)] };
      });
      const { status, stderr } = await oci.run(["create", "--bundle", bundle, "failing"]);
      expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining(`hooks.${name}[0]`) });
      if (name !== "createContainer") expect(stderr).toContain("words of the hook");
      expect(seen().filter((one) => one.name === name)).toHaveLength(1);
      expect(seen().map((one) => one.name)).not.toContain("startContainer");
      expect(recorded("failing")).toBe(false);
      expect((await oci.run(["state", "failing"])).status).toBe(1);
    });
  }

  it("a startContainer hook that fails ends the container before its command", async () => {
    const { bundle, seen } = withHooks((config, hook) => {
      config.hooks = { ...config.hooks, startContainer: [hook("startContainer", "3")] } as NonNullable<Config["hooks"]>;
      config.process.args = ["touch", "/tmp/was-here"];
    });
    await oci.expect(["create", "--bundle", bundle, "failing"]);
    const { status, stderr } = await oci.run(["start", "failing"]);
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining("hooks.startContainer") });
    expect(existsSync(`${bundle}/rootfs/tmp/was-here`)).toBe(false);
    expect(await oci.state("failing")).toMatchObject({ status: "stopped", pid: 0 });
    expect(seen().map((one) => one.name)).not.toContain("poststart");
    await oci.expect(["delete", "failing"]);
  });

  it("a poststart hook that fails stops the container", async () => {
    const { bundle, seen } = withHooks((config, hook) => {
      config.hooks = { ...config.hooks, poststart: [hook("poststart", "3")] } as NonNullable<Config["hooks"]>;
    });
    await oci.expect(["create", "--bundle", bundle, "failing"]);
    const { status, stderr } = await oci.run(["start", "failing"]);
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining("hooks.poststart[0]") });
    expect(await oci.state("failing")).toMatchObject({ status: "stopped" });
    await oci.expect(["delete", "failing"]);
    expect(seen().at(-1)).toMatchObject({ name: "poststop" });
  });

  it("a poststop hook that fails is not the end of the next ones, and the container is gone all the same", async () => {
    const { bundle, seen } = withHooks((config, hook) => {
      config.hooks = { poststop: [hook("poststop", "3"), hook("poststop")] } as NonNullable<Config["hooks"]>;
    });
    await oci.start("failing", bundle);
    await oci.run(["delete", "--force", "failing"]);
    expect(seen()).toHaveLength(2);
    expect(recorded("failing")).toBe(false);
  });

  it("one that takes longer than its timeout has failed", async () => {
    for (const name of ["createRuntime", "createContainer"] as const) {
      const { bundle } = withHooks((config) => {
        const slow = { path: "/bin/sleep", args: ["sleep", "1000"], timeout: 1 };
        config.hooks = { [name]: [slow] } as NonNullable<Config["hooks"]>;
      });
      const { status, stderr } = await oci.run(["create", "--bundle", bundle, "slow"]);
      expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining("took longer than 1 s") });
      expect(recorded("slow")).toBe(false);
    }
  });

  it("one that is not there is named", async () => {
    for (const name of ["prestart", "createContainer"] as const) {
      const { bundle } = withHooks((config) => {
        config.hooks = { [name]: [{ path: "/no/such/hook" }] } as NonNullable<Config["hooks"]>;
      });
      const { status, stderr } = await oci.run(["run", "--bundle", bundle, "missing"]);
      expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining("/no/such/hook") });
    }
  });

  it("all are run by run, too", async () => {
    const { bundle, seen } = withHooks((config) => {
      config.process.args = ["true"];
    });
    await oci.expect(["run", "--bundle", bundle, "ran"]);
    const order = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];
    expect(seen().map(({ name }) => name)).toEqual(order);
  });
});
