import { describe, expect, it } from "vitest";
import { compileContainer } from "../../src/compile/index.ts";
import { explainProgram } from "../../src/explain/index.ts";
import { kernelFeatures } from "../../src/linux/index.ts";
import { standard } from "../../src/spec/index.ts";
import { CGROUP_PLANS, type Given, OWN_ID, ROOT_PLANS, resolvedBy } from "../support/arbitrary-spec.ts";
import { golden } from "../support/golden.ts";
import { NIC_PLANS } from "../support/nic-plans.ts";

/** The container of each listing. */
const CONTAINERS: Readonly<Record<string, Given>> = {
  "standard-root": container("overlay", {
    spec: standard({ userNamespace: false }),
    process: { user: { uid: 33, gid: 33 } },
  }),
  "standard-userns": container("dir", { spec: standard({ userNamespace: true }), idMaps: OWN_ID }),
  sandbox: container("sandbox", {
    spec: {
      ...standard({ userNamespace: true }),
      mounts: [
        ...(standard({ userNamespace: true }).mounts ?? []),
        { destination: "/home/user/.ssh", type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", "noexec"] },
        { destination: "/srv/work", type: "bind", source: "/srv/work", options: ["rbind", "nosuid", "nodev"] },
      ],
    },
    process: { capabilities: {}, cwd: "/srv/work" },
    idMaps: OWN_ID,
  }),
  "limited-v1": { spec: { namespaces: ["pid"] }, process: { args: ["/bin/true"] }, cgroup: CGROUP_PLANS.v1 },
  "limited-v2": { spec: { namespaces: ["pid"] }, process: { args: ["/bin/true"] }, cgroup: CGROUP_PLANS.v2 },
  "limited-systemd": {
    spec: { namespaces: ["user", "pid", "cgroup"] },
    process: { args: ["/bin/true"] },
    idMaps: OWN_ID,
    cgroup: CGROUP_PLANS.systemd,
  },
  empty: { spec: {}, process: { args: ["true"] } },
  network: {
    spec: { namespaces: ["network"] },
    process: { args: ["/bin/true"] },
    nics: { plans: NIC_PLANS, worker: "monitor", scratch: "/run/libct/scratch" },
  },
  terminal: container("dir", {
    spec: standard({ userNamespace: false }),
    process: { terminal: true, consoleSize: { height: 25, width: 80 } },
    stdio: ["inherit", "inherit", "inherit"],
  }),
};

function container(root: string, given: Given): Given {
  const plan = ROOT_PLANS[root];
  return plan ? { ...given, root: plan } : given;
}

describe("the listing of a container is the one that was reviewed", () => {
  for (const [name, given] of Object.entries(CONTAINERS)) {
    for (const kernel of ["4.19", "5.10", "6.12"]) {
      it(`${name} on Linux ${kernel}`, () => {
        const listing = explainProgram(compileContainer(resolvedBy(given, kernelFeatures(kernel)))).toString();
        expect(listing).toBe(golden(`${name}-${kernel}`, listing));
      });
    }
  }
});
