import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ContainerSpec, type Host, standard } from "../../src/index.ts";
import { shell } from "../support/capture.ts";
import { openHost } from "../support/host.ts";
import { auditEachTest } from "../support/leaks.ts";
import { busyboxRoot } from "../support/rootfs.ts";

let host: Host;
let root: string;
beforeAll(async () => {
  host = await openHost();
  root = busyboxRoot();
});
afterAll(() => host[Symbol.asyncDispose]());
auditEachTest();

/** With every right that can be had, so that nothing but the mounts is in the way. */
const wall = (userNamespace: boolean, rootMode: "pivot" | "move"): ContainerSpec => ({
  ...standard({ userNamespace }),
  root,
  rootMode,
  seccomp: "unconfined",
  process: { cwd: "/" },
});

describe("what a user namespace within a container may mount", () => {
  for (const userNamespace of [false, true]) {
    for (const rootMode of ["pivot", "move"] as const) {
      const where = `${userNamespace ? "a user namespace" : "the machine's"}, root by ${rootMode}`;
      it(`is no procfs or sysfs without the container's masks (${where})`, async () => {
        const spec = wall(userNamespace, rootMode);
        const script = (type: string) =>
          `busybox unshare -Urmnpf sh -c 'mount -t tmpfs none /tmp && mount -t ${type} none /tmp && echo bare' 2>&1; true`;
        expect(await shell(host, spec, script("proc"))).toMatch(/^mount: .*(not permitted|denied)/);
        expect(await shell(host, spec, script("sysfs"))).toMatch(/^mount: .*(not permitted|denied)/);
      });
    }
  }

  it("is both where nothing is masked: it is the masks that decide", async () => {
    const spec = { ...wall(false, "move"), maskedPaths: [], readonlyPaths: [] };
    const script = "busybox unshare -Urmnpf sh -c 'mount -t proc none /tmp && echo bare'";
    expect(await shell(host, spec, script)).toBe("bare");
  });
});
