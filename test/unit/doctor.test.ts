import { describe, expect, it } from "vitest";
import { diagnose, whoForbids } from "../../src/host/doctor.ts";
import type { Facts } from "../../src/host/facts.ts";
import { E, kernelFeatures } from "../../src/linux/index.ts";

const facts = (changes: Partial<Facts> = {}): Facts => ({
  features: kernelFeatures("6.12"),
  caller: {
    uid: 1000,
    gid: 1000,
    privileged: false,
    initialUserNamespace: true,
    subordinate: { uid: [], gid: [] },
  } as unknown as Facts["caller"],
  userNamespace: 0,
  mountInUserNamespace: 0,
  procInUserNamespace: 0,
  overlayInUserNamespace: 0,
  sysctls: {},
  namespaces: { user: true, mnt: true, pid: true, net: true, ipc: true, uts: true, cgroup: true, time: true },
  container: undefined,
  seccompActions: ["errno", "allow"],
  programs: {
    newuidmap: "/usr/bin/newuidmap",
    newgidmap: "/usr/bin/newgidmap",
    "fuse-overlayfs": "/usr/bin/fuse-overlayfs",
  },
  fuseDevice: true,
  loopControl: true,
  apparmor: false,
  selinux: false,
  cgroups: { memory: true, pids: true },
  ...changes,
});
const check = (found: Facts, id: string) => diagnose(found).checks.find((one) => one.id === id);

describe("the doctor", () => {
  it("finds that an ordinary user can run containers where user namespaces work", () => {
    expect(diagnose(facts()).ok).toBe(true);
    expect(check(facts(), "user-namespaces")).toMatchObject({ available: true, detail: "works (tried)" });
  });

  it("finds that nobody but root can without them, and says what failed and what that costs", () => {
    const forbidden = facts({ userNamespace: E.EPERM });
    expect(diagnose(forbidden).ok).toBe(false);
    expect(diagnose({ ...forbidden, caller: { ...forbidden.caller, privileged: true } }).ok).toBe(true);
    expect(check(forbidden, "user-namespaces")).toMatchObject({
      available: false,
      detail: "fails with EPERM (tried)",
      cost: "containers as an ordinary user",
    });
  });

  it.each([
    [{ "user.max_user_namespaces": "0" }, "user.max_user_namespaces"],
    [{ "kernel.unprivileged_userns_clone": "0" }, "kernel.unprivileged_userns_clone=1"],
    [{ "kernel.apparmor_restrict_unprivileged_userns": "1" }, "AppArmor restricts them"],
  ])("names who forbids user namespaces: %j", (sysctls, text) => {
    expect(whoForbids(facts({ sysctls }))).toContain(text);
  });

  it("blames the outer container when no switch is off, and the kernel when it has none", () => {
    expect(whoForbids(facts({ container: "a podman container" }))).toContain("this is a podman container");
    expect(whoForbids(facts({ namespaces: { user: false } }))).toBe("a kernel with CONFIG_USER_NS");
  });

  it("tells a call that a kernel lacks from one that is hidden", () => {
    const old = kernelFeatures("4.19");
    expect(check(facts({ features: old }), "clone3")).toMatchObject({ detail: "missing", remedy: "Linux 5.3" });
    const hidden = { ...kernelFeatures("6.12"), clone3: false };
    expect(check(facts({ features: hidden }), "clone3")?.detail).toContain("hidden");
  });

  it("gives every missing thing a cost and a remedy", () => {
    const nothing = facts({
      features: { ...kernelFeatures("4.0") },
      userNamespace: E.ENOSYS,
      mountInUserNamespace: E.EPERM,
      procInUserNamespace: E.EPERM,
      overlayInUserNamespace: E.EPERM,
      namespaces: { user: false, mnt: true, cgroup: false, time: false },
      seccompActions: [],
      programs: {},
      fuseDevice: false,
      loopControl: false,
      cgroups: { memory: false, pids: false },
    });
    const missing = diagnose(nothing).checks.filter(({ available }) => !available);
    expect(missing.length).toBeGreaterThan(12);
    for (const one of missing)
      expect(one, one.id).toMatchObject({ cost: expect.any(String), remedy: expect.any(String) });
  });
});
