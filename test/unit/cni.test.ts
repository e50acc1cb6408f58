import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LibctError } from "../../src/errors.ts";
import { kernelFeatures } from "../../src/linux/index.ts";
import {
  cni,
  decodeResult,
  environment,
  execution,
  findNetwork,
  findPlugin,
  isVersionSince,
  parseNetwork,
  pluginDirs,
  resultOf,
  undoing,
} from "../../src/net/index.ts";
import type { CniNic, NetStep, NicPlan, PublishedPort } from "../../src/spec/index.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync("/tmp/libct-test-");
});
afterEach(() => rmSync(dir, { recursive: true }));

const file = (name: string, content: unknown) =>
  writeFileSync(`${dir}/${name}`, typeof content === "string" ? content : JSON.stringify(content), { mode: 0o755 });

function failureOf(act: () => unknown): LibctError {
  try {
    act();
  } catch (error) {
    if (error instanceof LibctError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

const LIST = {
  cniVersion: "1.0.0",
  name: "web",
  plugins: [
    { type: "bridge", bridge: "cni0", ipam: { type: "host-local", subnet: "10.1.0.0/16" } },
    { type: "portmap", capabilities: { portMappings: true } },
  ],
};

describe("a network of CNI", () => {
  it("is a list of plugins, which keep the members that only they know", () => {
    const network = parseNetwork(LIST, "network");
    expect(network).toMatchObject({ name: "web", cniVersion: "1.0.0", disableCheck: false });
    expect(network.plugins).toEqual(LIST.plugins);
  });

  it("may be a single plugin's configuration", () => {
    const network = parseNetwork({ cniVersion: "0.3.1", name: "one", type: "ptp", ipMasq: true }, "network");
    expect(network.plugins).toEqual([{ type: "ptp", ipMasq: true }]);
    expect(network.name).toBe("one");
  });

  it.each([
    [{ ...LIST, name: "../etc" }, "network.name"],
    [{ ...LIST, name: "" }, "network.name"],
    [{ ...LIST, cniVersion: "0.2.0" }, "network.cniVersion"],
    [{ ...LIST, plugins: [] }, "network.plugins"],
    [{ ...LIST, plugins: [{ type: "../../bin/sh" }] }, "network.plugins[0].type"],
    [{ ...LIST, plugins: [{ type: ".." }] }, "network.plugins[0].type"],
    [{ ...LIST, plugins: [{ bridge: "x" }] }, "network.plugins[0].type"],
    [{ ...LIST, plugins: [{ type: "bridge", capabilities: ["mac"] }] }, "network.plugins[0].capabilities"],
    [[LIST], "network"],
  ])("is refused when it is malformed: %j", (input, member) => {
    expect(failureOf(() => parseNetwork(input, "network"))).toMatchObject({ code: "ERR_CT_INVALID_SPEC", member });
  });

  it("has a version that is compared by its numbers", () => {
    expect(isVersionSince({ cniVersion: "0.10.0" }, "0.4.0")).toBe(true);
    expect(isVersionSince({ cniVersion: "0.3.1" }, "0.4.0")).toBe(false);
    expect(isVersionSince({ cniVersion: "0.4.0" }, "0.4.0")).toBe(true);
  });
});

describe("networks in directories", () => {
  it("are found by the name inside, lists before single plugins", () => {
    file("10-a.conf", { name: "web", type: "ptp" });
    file("90-z.conflist", LIST);
    expect(findNetwork("web", [`${dir}/missing`, dir], "nics.eth0.network").plugins).toHaveLength(2);
  });

  it("are named in the error when the one that is wanted is not there, with the files that cannot be read", () => {
    file("10-a.conflist", LIST);
    file("20-b.conflist", "{");
    const error = failureOf(() => findNetwork("wbe", [dir], "nics.eth0.network"));
    expect(error).toMatchObject({ code: "ERR_CT_INVALID_SPEC", member: "nics.eth0.network" });
    expect(error.message).toContain("there are web");
    expect(error.message).toContain("20-b.conflist is not JSON");
  });

  it("have plugins in the first directory that has such an executable file", () => {
    mkdirSync(`${dir}/first/bridge`, { recursive: true });
    mkdirSync(`${dir}/second`);
    file("second/bridge", "#!/bin/sh\n");
    expect(findPlugin("bridge", [`${dir}/first`, `${dir}/second`], "x")).toBe(`${dir}/second/bridge`);
    expect(failureOf(() => findPlugin("nope", [dir], "x")).message).toContain(`no CNI plugin nope in ${dir}`);
  });

  it("look for plugins where CNI_PATH says, unless the interface says it", () => {
    expect(pluginDirs(undefined, "/a:/b")).toEqual(["/a", "/b"]);
    expect(pluginDirs(["/c"], "/a:/b")).toEqual(["/c"]);
    expect(pluginDirs(undefined, "")).toContain("/opt/cni/bin");
  });
});

describe("the input of a plugin", () => {
  const network = parseNetwork(LIST, "network");
  const [bridge, portmap] = network.plugins;
  const ports = { portMappings: [{ hostPort: 80, containerPort: 8080, protocol: "tcp" }] } as const;

  it("has the network's name and version, the result of the one before, and what it asks of the container", () => {
    if (!bridge || !portmap) throw new Error("there are two plugins");
    expect(execution(network, bridge, ports)).toEqual({ ...LIST.plugins[0], cniVersion: "1.0.0", name: "web" });
    const prevResult = { cniVersion: "1.0.0", ips: [] };
    expect(execution(network, portmap, ports, prevResult)).toEqual({
      type: "portmap",
      cniVersion: "1.0.0",
      name: "web",
      runtimeConfig: ports,
      prevResult,
    });
  });

  it("never has a capability that its configuration does not switch on", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.boolean()),
        fc.dictionary(fc.string(), fc.jsonValue()),
        (known, given) => {
          const plugin = { type: "any", capabilities: known };
          const made = execution(network, plugin, given);
          const wanted = Object.keys(given).filter((name) => Object.hasOwn(known, name) && known[name] === true);
          expect(Object.keys((made.runtimeConfig ?? {}) as object).sort()).toEqual(wanted.sort());
          expect(made).not.toHaveProperty("capabilities");
        },
      ),
    );
  });

  it("has no result at DEL before version 0.4.0", () => {
    if (!bridge) throw new Error("there is a plugin");
    expect(undoing({ ...network, cniVersion: "0.3.1" }, bridge, {}, { ips: [] })).not.toHaveProperty("prevResult");
    expect(undoing(network, bridge, {}, { ips: [] })).toHaveProperty("prevResult");
  });

  it("comes with the variables of the protocol", () => {
    const variables = environment("ADD", {
      containerId: "c1",
      ifname: "eth0",
      netns: "/run/n",
      args: { IgnoreUnknown: "1", K8S: "x" },
      pluginDirs: ["/a", "/b"],
      env: { PATH: "/bin", CNI_COMMAND: "DEL" },
    });
    expect(variables).toEqual({
      PATH: "/bin",
      CNI_COMMAND: "ADD",
      CNI_CONTAINERID: "c1",
      CNI_NETNS: "/run/n",
      CNI_IFNAME: "eth0",
      CNI_ARGS: "IgnoreUnknown=1;K8S=x",
      CNI_PATH: "/a:/b",
    });
  });
});

describe("the outcome of a plugin", () => {
  const said = (status: number, output: string, complaint = "") =>
    resultOf({ command: "ADD", plugin: "bridge", network: "web", member: "nics.eth0", status, output, complaint });

  it("is its result as it is", () => {
    expect(said(0, '{"cniVersion":"1.0.0","ips":[{"address":"10.1.0.2/16"}],"extra":1}')).toEqual({
      cniVersion: "1.0.0",
      ips: [{ address: "10.1.0.2/16" }],
      extra: 1,
    });
  });

  it.each([
    [
      1 << 8,
      '{"code":11,"msg":"no more\\naddresses","details":"in 10.1.0.0/16"}',
      "failed: no more; addresses: in 10.1.0.0/16 (code 11) at ADD",
    ],
    [9, "", "was killed by signal 9 at ADD"],
    [2 << 8, "panic", "failed with status 2: panic at ADD"],
    [-1, "", "took too long and was killed at ADD"],
    [0, "", "ended well but said nothing at ADD"],
    [0, "[]", "ended well but said what is no result at ADD"],
  ])("is an error for status %d and %j", (status, output, words) => {
    const error = failureOf(() => said(status, output));
    expect(error).toMatchObject({ code: "ERR_CT_CNI", member: "nics.eth0" });
    expect(error.message).toBe(`the CNI plugin bridge of network web ${words} (nics.eth0)`);
  });

  it("can be read in the form of any version", () => {
    const old = { ips: [{ version: "4", address: "10.0.0.5/32", gateway: "", interface: 2 }], interfaces: null };
    expect(decodeResult(old)).toEqual({
      interfaces: [],
      ips: [{ address: "10.0.0.5/32", interface: 2 }],
      routes: [],
      dns: {},
    });
  });
});

describe("the plan of an interface", () => {
  const plan = (nic: Partial<CniNic> = {}, ports: readonly PublishedPort[] = []): NicPlan => {
    for (const name of ["bridge", "portmap"]) file(name, "#!/bin/sh\n");
    const given: CniNic = { type: "cni", network: LIST, pluginDirs: [dir], ...nic };
    return cni(given).plan({
      name: "eth0",
      member: "nics.eth0",
      hostName: "h",
      drawnName: "h",
      containerName: "c",
      containerId: "c1",
      stateDirectory: dir,
      features: kernelFeatures("6.1"),
      nic: given,
      ports,
      runtime: dir,
      privileged: true,
      restarts: false,
    }) as NicPlan;
  };
  const kinds = (steps: readonly NetStep[]) => steps.map((step) => step.do).join(" ");

  it("asks before each plugin and after the last, and undoes them in the reverse order", () => {
    const { setUp, tearDown = [] } = plan();
    expect(kinds(setUp)).toBe("lock mkdir write pin ask execute ask execute ask");
    const executed = tearDown.flatMap((step) => (step.do === "execute" ? [step.path] : []));
    expect(executed).toEqual([`${dir}/portmap`, `${dir}/bridge`]);
    expect(kinds(tearDown)).toMatch(/^execute execute unpin (remove )+remove$/);
  });

  it("is told of published ports by the capability portMappings, or refuses them", async () => {
    const published = [{ hostPort: 8080, containerPort: 80, range: 2, protocol: "udp", hostIP: "192.0.2.1" }] as const;
    const { answer } = plan({ capabilities: { portMappings: [{ hostPort: 1, containerPort: 2 }] } }, published);
    mkdirSync(`${dir}/cni/c1-eth0`, { recursive: true });
    await answer?.(0, 0);
    const given: unknown = JSON.parse(readFileSync(`${dir}/cni/c1-eth0/1.del`, "utf8"));
    const mapping = { protocol: "udp", hostIP: "192.0.2.1" };
    expect(given).toMatchObject({
      runtimeConfig: {
        portMappings: [
          { hostPort: 1, containerPort: 2 },
          { hostPort: 8080, containerPort: 80, ...mapping },
          { hostPort: 8081, containerPort: 81, ...mapping },
        ],
      },
    });
    const without = { ...LIST, plugins: LIST.plugins.slice(0, 1) };
    expect(failureOf(() => plan({ network: without }, published))).toMatchObject({ member: "ports" });
  });

  it("is written down before anything is done, as it will be undone", () => {
    const { setUp, tearDown } = plan();
    const written = setUp.find((step) => step.do === "write");
    expect(written?.do === "write" && JSON.parse(written.content)).toEqual(tearDown);
  });

  it("hands each result to the next plugin, and the last one to all that undo it", async () => {
    const { setUp, answer } = plan({ capabilities: { portMappings: [{ hostPort: 80, containerPort: 80 }] } });
    const home = `${dir}/cni/c1-eth0`;
    mkdirSync(home, { recursive: true });
    const read = (name: string): unknown => JSON.parse(readFileSync(`${home}/${name}`, "utf8"));
    await answer?.(0, 0);
    expect(read("0.add")).not.toHaveProperty("prevResult");
    expect(read("1.del")).toMatchObject({ type: "portmap", runtimeConfig: { portMappings: [{ hostPort: 80 }] } });
    file("cni/c1-eth0/0.output", { ips: [{ address: "10.1.0.2/16" }] });
    file("cni/c1-eth0/0.errors", "");
    await answer?.(1, 0);
    expect(read("1.add")).toMatchObject({ prevResult: { ips: [{ address: "10.1.0.2/16" }] } });
    file("cni/c1-eth0/1.output", { ips: [{ address: "10.1.0.3/16" }] });
    file("cni/c1-eth0/1.errors", "");
    await answer?.(2, 0);
    expect(read("0.del")).toMatchObject({ type: "bridge", prevResult: { ips: [{ address: "10.1.0.3/16" }] } });
    expect(read("result")).toMatchObject({ network: { name: "web" }, result: { ips: [{ address: "10.1.0.3/16" }] } });
    expect(setUp.at(-1)).toMatchObject({ do: "ask", question: 2 });
  });

  it("is refused when no plugin has the capability that is given", () => {
    expect(failureOf(() => plan({ capabilities: { mac: "02:00:00:00:00:01" } }))).toMatchObject({
      code: "ERR_CT_INVALID_SPEC",
      member: "nics.eth0.capabilities.mac",
    });
  });
});
