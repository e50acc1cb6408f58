import { describe, expect, it } from "vitest";
import { compileContainer } from "../../src/compile/index.ts";
import { explainProgram } from "../../src/explain/index.ts";
import { kernelFeatures } from "../../src/linux/index.ts";
import { type Given, ROOT_PLANS, resolvedBy } from "../support/arbitrary-spec.ts";

/** The lines of one block of a container's program. */
function blocksOf(given: Given): { readonly monitor: string; readonly init: string } {
  const root = ROOT_PLANS.dir;
  const resolved = resolvedBy({ ...given, ...(root ? { root } : {}) }, kernelFeatures("6.12"));
  const lines = explainProgram(compileContainer(resolved)).toString().split("\n");
  const inner = lines.filter((line) => /^ {5,}/.test(line));
  return { monitor: lines.filter((line) => !inner.includes(line)).join("\n"), init: inner.join("\n") };
}

describe("who does what while a container is set up", () => {
  const oom = { args: ["/bin/true"], oomScoreAdj: 500 };

  it("the monitor sets the OOM score of who becomes another user, as that one cannot", () => {
    const range = [{ containerID: 0, hostID: 300000, size: 65536 }];
    const idMaps = { uid: range, gid: range, writer: "monitor", denySetgroups: false } as const;
    const mapped = blocksOf({ spec: { namespaces: ["user", "mount"] }, process: oom, idMaps });
    expect(mapped.monitor).toContain("oom_score_adj");
    expect(mapped.init).not.toContain("oom_score_adj");
    const plain = blocksOf({ spec: { namespaces: ["mount"] }, process: oom });
    expect(plain.init).toContain("oom_score_adj");
  });

  it("the monitor takes the source of a shared bind mount, so that it stays a peer of the host's", () => {
    const bind = (propagation: string) =>
      blocksOf({
        spec: {
          namespaces: ["mount"],
          mounts: [{ destination: "/v", source: "/srv", options: ["rbind", propagation] }],
        },
        process: { args: ["/bin/true"] },
      });
    expect(bind("rshared").monitor).toContain('open_tree(AT_FDCWD, "/srv"');
    expect(bind("rslave").init).toContain('open_tree(AT_FDCWD, "/srv"');
  });

  it("device nodes of an image can be opened where rules say which devices may be", () => {
    const devices = [{ path: "/dev/null", type: "c", major: 1, minor: 3 }] as const;
    const mounts = [{ destination: "/dev", type: "tmpfs" }];
    const spec = { namespaces: ["mount"], mounts, devices } as const;
    expect(blocksOf({ spec, process: { args: ["/bin/true"] } }).init).toContain("MOUNT_ATTR_NODEV");
    const rules = [{ allow: false }] as const;
    const ruled = blocksOf({ spec: { ...spec, resources: { devices: rules } }, process: { args: ["/bin/true"] } });
    expect(ruled.init).not.toContain("MOUNT_ATTR_NODEV");
  });

  it("a /dev or tmpfs that is to be read-only is so when the devices and the mounts in it are there, and before the privileges go", () => {
    const spec = {
      namespaces: ["mount"],
      mounts: [
        { destination: "/dev", type: "tmpfs", options: ["ro", "nosuid"] },
        { destination: "/dev/pts", type: "devpts" },
      ],
      devices: [{ path: "/dev/null", type: "c", major: 1, minor: 3 }],
    } as const;
    const { init } = blocksOf({ spec, process: { args: ["/bin/true"], capabilities: {} } });
    const places = [
      '"tmpfs", MS_NOSUID,',
      '"devpts"',
      'mknodat(AT_FDCWD, "null"',
      '"/dev", 0, {attr_set=MOUNT_ATTR_RDONLY',
      "capset",
    ];
    const found = places.map((text) => init.indexOf(text));
    expect(found).not.toContain(-1);
    expect(found).toEqual([...found].sort((one, other) => one - other));
  });

  it("the working directory is tried with the rights of the set-up, and looked at when they are gone", () => {
    const { init } = blocksOf({
      spec: { namespaces: ["mount"] },
      process: { args: ["/bin/true"], cwd: "/w", user: { uid: 7, gid: 7 } },
    });
    const found = [
      'cwd = chdir("/w")  [EACCES|EPERM ok]',
      "setresuid(7",
      "if (cwd == 0)",
      ' chdir("/w")',
      "leads out of the root",
    ].map((text) => init.lastIndexOf(text));
    expect(found).not.toContain(-1);
    expect(found[0]).toBeLessThan(found[1] ?? 0);
    expect(found.slice(1)).toEqual([...found.slice(1)].sort((one, other) => one - other));
  });
});
