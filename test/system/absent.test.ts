import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ContainerSpec, type Host, standard } from "../../src/index.ts";
import { capture } from "../support/capture.ts";
import { openHost } from "../support/host.ts";
import { auditEachTest } from "../support/leaks.ts";
import { busyboxRoot } from "../support/rootfs.ts";

auditEachTest();
const root = busyboxRoot();
let host: Host;
beforeAll(async () => {
  host = await openHost();
});
afterAll(() => host[Symbol.asyncDispose]());

const start = (members: Partial<ContainerSpec>) =>
  capture(host, { ...standard({ userNamespace: false }), root, ...members }, ["/bin/true"]);

describe("what this machine has not is an error before anything is made", () => {
  it.skipIf(existsSync("/sys/fs/resctrl/schemata"))("resctrl, with a way to get it", async () => {
    await expect(start({ intelRdt: { l3CacheSchema: "L3:0=f" } })).rejects.toMatchObject({
      code: "ERR_CT_NOT_SUPPORTED",
      member: "intelRdt",
      hint: expect.stringContaining("mount -t resctrl"),
    });
  });

  it.skipIf(existsSync("/sys/fs/selinux/enforce"))("SELinux, for the label of mounts", async () => {
    await expect(start({ mountLabel: "system_u:object_r:container_file_t:s0" })).rejects.toMatchObject({
      code: "ERR_CT_NOT_SUPPORTED",
      member: "mountLabel",
    });
  });

  it("a scheduler that no kernel has", async () => {
    await expect(start({ process: { scheduler: { policy: "SCHED_ISO" } } })).rejects.toMatchObject({
      code: "ERR_CT_NOT_SUPPORTED",
      member: "process.scheduler.policy",
    });
  });
});
