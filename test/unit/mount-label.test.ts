import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compileContainer } from "../../src/compile/index.ts";
import { explainProgram } from "../../src/explain/index.ts";
import { requireMountLabel } from "../../src/host/resolve-mount-label.ts";
import { kernelFeatures } from "../../src/linux/index.ts";
import { type ContainerSpec, type Mount, validateSpec } from "../../src/spec/index.ts";
import { type Given, ROOT_PLANS, resolvedBy } from "../support/arbitrary-spec.ts";

const LABEL = "system_u:object_r:container_file_t:s0:c1,c2";
const CONTEXT = `context=\\"${LABEL}\\"`;

const listing = (given: Given) =>
  explainProgram(compileContainer(resolvedBy(given, kernelFeatures("6.12")))).toString();
const labelled = (mount: Mount) => listing({ spec: { namespaces: ["mount"], mountLabel: LABEL, mounts: [mount] } });

describe("the label of a container's mounts", () => {
  it("is an option of every filesystem that takes one, after its own", () => {
    expect(labelled({ destination: "/tmp", type: "tmpfs", options: ["nosuid", "mode=755"] })).toContain(
      `mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID, "mode=755,${CONTEXT}")`,
    );
    expect(labelled({ destination: "/dev/pts", type: "devpts" })).toContain(
      `mount("devpts", "/dev/pts", "devpts", 0, "${CONTEXT}")`,
    );
  });

  it("is none of those whose labels the policy gives, nor of bind mounts", () => {
    for (const type of ["proc", "sysfs", "cgroup2"]) {
      expect(labelled({ destination: "/x", type })).toContain(`mount("${type}", "/x", "${type}", 0, NULL)`);
    }
    expect(labelled({ destination: "/x", type: "bind", source: "/srv", options: ["bind"] })).not.toContain(LABEL);
  });

  it("is an attribute of a message queue's directory", () => {
    const text = labelled({ destination: "/dev/mqueue", type: "mqueue" });
    expect(text).toContain('mount("mqueue", "/dev/mqueue", "mqueue", 0, NULL)');
    expect(text).toContain(`lsetxattr("/dev/mqueue", "security.selinux", "${LABEL}", 43, 0)`);
  });

  it("gives way to a label of the mount's own", () => {
    const text = labelled({ destination: "/tmp", type: "tmpfs", options: ['context="own"'] });
    expect(text).toContain('"context=\\"own\\"")');
    expect(text).not.toContain(LABEL);
  });

  it("is that of the root's filesystem and of what hides directories, too", () => {
    const spec: ContainerSpec = { namespaces: ["mount"], mountLabel: LABEL, maskedPaths: ["/sys/firmware"] };
    const root = ROOT_PLANS.overlay;
    if (!root) throw new Error("no such plan");
    const text = listing({ spec, root });
    expect(text).toContain(`/work,${CONTEXT}")`);
    expect(text).toContain(`"nr_inodes=2,mode=755,${CONTEXT}")`);
  });

  it("needs a mount namespace, and is one word without quotes", () => {
    const mountLabel = LABEL;
    expect(() => validateSpec({ mountLabel })).toThrow('add "mount" to namespaces');
    expect(() => validateSpec({ namespaces: ["mount"], mountLabel: 'a"b' })).toThrow("a label such as");
    expect(validateSpec({ namespaces: ["mount"], mountLabel })).toMatchObject({ mountLabel });
  });

  it.skipIf(existsSync("/sys/fs/selinux/enforce"))("is refused where there is no SELinux", () => {
    expect(() => requireMountLabel(LABEL, [], [])).toThrow("SELinux is not enabled on this machine (mountLabel)");
  });
});
