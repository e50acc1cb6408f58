import { describe, expect, it } from "vitest";
import { isPlain } from "../../src/host/plain-start.ts";
import { type ContainerSpec, standard, validateSpec } from "../../src/spec/index.ts";

const ROOT = { privileged: true, initialUserNamespace: true } as Parameters<typeof isPlain>[2];
const USER = { privileged: false, initialUserNamespace: true } as Parameters<typeof isPlain>[2];
const process = { args: ["true"] };

describe("a start that looks at nothing of the machine but its root", () => {
  it("is the standard one of root", () => {
    const spec = validateSpec({ ...standard({ userNamespace: false }), root: "/srv/root" });
    expect(isPlain(spec, process, ROOT)).toBe(true);
    expect(isPlain({ ...spec, nics: { eth0: { type: "veth", master: "br0" } } }, process, ROOT)).toBe(true);
    expect(isPlain(spec, process, USER)).toBe(false);
  });

  it.each<[string, ContainerSpec]>([
    ["ids that are looked up", { namespaces: ["user"] }],
    ["a namespace that is joined", { namespaces: [{ type: "network", path: "/proc/1/ns/net" }] }],
    ["a source that must be there", { mounts: [{ destination: "/a", source: "/b", options: ["rbind"] }] }],
    ["an idmapped mount", { mounts: [{ destination: "/a", type: "tmpfs", options: ["idmap"] }] }],
    ["hierarchies of cgroups", { mounts: [{ destination: "/sys/fs/cgroup", type: "cgroup" }] }],
    [
      "an overlay that the kernel may not have",
      { mounts: [{ destination: "/a", type: "tmpfs", options: ["tmpcopyup"] }] },
    ],
    ["a cgroup, whose name is drawn", { resources: {} }],
    ["a record", { name: "web" }],
    ["a managed network", { nics: { eth0: { type: "network", network: "web" } } }],
    ["an interface of the host", { nics: { eth0: { type: "host" } } }],
    ["an address that others may have", { nics: { eth0: { type: "veth", mac: "02:00:00:00:00:01" } } }],
    ["a published port", { ports: [{ containerPort: 80, hostPort: 80 }] }],
    ["something that came later", { later: 1 } as ContainerSpec],
  ])("has no %s", (_, spec) => expect(isPlain(spec, process, ROOT)).toBe(false));

  it("has no profile of AppArmor, which is looked for", () => {
    const labelled = { ...process, apparmorProfile: "a" };
    expect(isPlain({}, labelled, ROOT)).toBe(false);
    expect(isPlain({ process: labelled }, process, ROOT)).toBe(false);
  });
});
