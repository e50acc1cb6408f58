import { describe, expect, it } from "vitest";
import { diagnose, whoForbids } from "../../src/host/doctor.ts";
import type { Facts } from "../../src/host/facts.ts";
import { E, kernelFeatures } from "../../src/linux/index.ts";
import { NAMESPACE_TYPES } from "../../src/spec/index.ts";

const WORKS: Facts["tried"] = {
  userNamespace: 0,
  mount: 0,
  mountInUserNamespace: 0,
  procInUserNamespace: 0,
  overlayInUserNamespace: 0,
  fuseInUserNamespace: 0,
  namespaces: { mount: 0, pid: 0, network: 0, ipc: 0, uts: 0, cgroup: 0, time: 0 },
  idmappedMount: 0,
  seccompFilter: 0,
};

const facts = (changes: Partial<Facts> = {}): Facts => ({
  features: kernelFeatures("6.12"),
  caller: {
    uid: 1000,
    gid: 1000,
    privileged: false,
    initialUserNamespace: true,
    subordinate: { uid: [], gid: [] },
  } as unknown as Facts["caller"],
  tried: WORKS,
  sysctls: {},
  namespaces: NAMESPACE_TYPES,
  container: undefined,
  seccompFiltered: false,
  chrooted: false,
  seccompActions: ["errno", "allow"],
  programs: {
    newuidmap: "/usr/bin/newuidmap",
    newgidmap: "/usr/bin/newgidmap",
    "fuse-overlayfs": "/usr/bin/fuse-overlayfs",
  },
  fuseDevice: "allowed",
  loopControl: "allowed",
  apparmor: false,
  selinux: false,
  cgroups: { layout: "v2", memory: true, pids: true, cpu: true, io: true },
  sysResource: true,
  executorSealed: true,
  forwardingBlockers: [],
  unruledBridges: [],
  lostNetworks: false,
  ...changes,
});
/** The caller is root. */
const root = (changes: Partial<Facts> = {}): Facts => {
  const one = facts(changes);
  return { ...one, caller: { ...one.caller, privileged: true } };
};
const check = (found: Facts, id: string) => diagnose(found).checks.find((one) => one.id === id);

const tried = (changes: Partial<Facts["tried"]>): Facts["tried"] => ({ ...WORKS, ...changes });

describe("the doctor", () => {
  it("finds that an ordinary user can run containers where user namespaces work", () => {
    expect(diagnose(facts()).ok).toBe(true);
    expect(check(facts(), "user-namespaces")).toEqual({
      id: "user-namespaces",
      title: "User namespaces",
      available: true,
      detail: "works (tried)",
    });
  });

  it("finds that nobody but root can without them, and says what failed and what that costs", () => {
    const forbidden = facts({ tried: tried({ userNamespace: E.EPERM }) });
    expect(diagnose(forbidden).ok).toBe(false);
    expect(diagnose({ ...forbidden, caller: { ...forbidden.caller, privileged: true } }).ok).toBe(true);
    expect(check(forbidden, "user-namespaces")).toMatchObject({
      available: false,
      detail: "fails with EPERM (tried)",
      cost: "containers as an ordinary user",
    });
  });

  it("finds that containers need mounts: root's own, or an ordinary user's in a user namespace", () => {
    const user = facts({ tried: tried({ mountInUserNamespace: E.EACCES }) });
    expect(diagnose(user).ok).toBe(false);
    const root = facts({ tried: tried({ mount: E.EPERM }), caller: { ...user.caller, privileged: true } });
    expect(diagnose(root).ok).toBe(false);
    expect(check(root, "mount-as-root")).toMatchObject({ available: false, cost: "all containers of this user" });
    expect(check(user, "mount-as-root")).toBeUndefined();
  });

  it.each([
    [{ "user.max_user_namespaces": "0" }, "user.max_user_namespaces"],
    [{ "kernel.unprivileged_userns_clone": "0" }, "kernel.unprivileged_userns_clone=1"],
    [{ "kernel.apparmor_restrict_unprivileged_userns": "1" }, "AppArmor restricts them"],
  ])("names who forbids user namespaces: %j", (sysctls, text) => {
    expect(whoForbids(facts({ sysctls }))).toContain(text);
  });

  it("takes a switch that is on for no reason", () => {
    const sysctls = {
      "user.max_user_namespaces": "30000",
      "kernel.unprivileged_userns_clone": "1",
      "kernel.apparmor_restrict_unprivileged_userns": "0",
    };
    expect(whoForbids(facts({ sysctls }), E.EPERM)).toContain("nothing is known");
  });

  it("blames the outer container when no switch is off, and the kernel when it has none", () => {
    expect(whoForbids(facts({ container: "a podman container" }))).toContain("this is a podman container");
    expect(whoForbids(facts({ container: "a Docker container", seccompFiltered: true }))).toContain("a seccomp filter");
    expect(whoForbids(facts({ namespaces: ["mount", "pid"] }))).toBe("a kernel with CONFIG_USER_NS");
  });

  it("blames a chroot, a filter, and the depth of namespaces", () => {
    expect(whoForbids(facts({ chrooted: true }), E.EPERM)).toContain("chroot(2)");
    expect(whoForbids(facts({ seccompFiltered: true }), E.EPERM)).toContain("a seccomp filter is in force");
    expect(whoForbids(facts(), E.ENOSPC)).toContain("too many or too deeply nested");
  });

  it("tells a call that a kernel lacks from one that is hidden", () => {
    const old = kernelFeatures("4.19");
    expect(check(facts({ features: old }), "clone3")).toMatchObject({ detail: "missing", remedy: "Linux 5.3" });
    const hidden = { ...kernelFeatures("6.12"), clone3: false };
    expect(check(facts({ features: hidden }), "clone3")?.detail).toContain("hidden");
  });

  it("tells a type of namespace that the kernel lacks from one that cannot be made", () => {
    const errors = { ...WORKS.namespaces, time: E.EINVAL, network: E.ENOSPC };
    const found = facts({
      namespaces: NAMESPACE_TYPES.filter((type) => type !== "time"),
      tried: tried({ namespaces: errors }),
    });
    expect(check(found, "namespace-time")).toMatchObject({
      available: false,
      detail: "the kernel has none",
      cost: 'namespaces: ["time"]',
      remedy: "a kernel with Linux 5.6 and CONFIG_TIME_NS",
    });
    expect(check(found, "namespace-network")).toMatchObject({ available: false, detail: "fails with ENOSPC (tried)" });
    expect(check(found, "namespace-pid")?.available).toBe(true);
  });

  it("says how to get ranges of ids: the helpers first, then the ranges", () => {
    const withRanges = (changes: Partial<Facts>) =>
      facts({
        caller: { ...facts().caller, subordinate: { uid: [{ start: 1, count: 2 }], gid: [{ start: 1, count: 2 }] } },
        ...changes,
      });
    expect(check(withRanges({}), "id-ranges")?.available).toBe(true);
    expect(check(withRanges({ programs: {} }), "id-ranges")?.remedy).toContain("uidmap");
    expect(check(facts(), "id-ranges")?.remedy).toContain("usermod");
  });

  it("tells a device that is missing from one that is closed to this user", () => {
    expect(check(facts({ fuseDevice: "missing" }), "fuse")?.detail).toBe("works (tried)");
    const fails = tried({ fuseInUserNamespace: E.EACCES });
    expect(check(facts({ tried: fails, fuseDevice: "missing" }), "fuse")?.detail).toBe("/dev/fuse is missing");
    expect(check(facts({ tried: fails, fuseDevice: "forbidden" }), "fuse")?.detail).toContain("may not be used");
    expect(check(facts({ tried: fails }), "fuse")?.detail).toBe("fails with EACCES (tried)");
  });

  it("gives every missing thing a cost and a remedy", () => {
    const nothing = facts({
      features: { ...kernelFeatures("4.0") },
      tried: {
        userNamespace: E.ENOSYS,
        mount: E.EPERM,
        mountInUserNamespace: E.EPERM,
        procInUserNamespace: E.EPERM,
        overlayInUserNamespace: E.EPERM,
        fuseInUserNamespace: E.EPERM,
        namespaces: {
          mount: E.EPERM,
          pid: E.EPERM,
          network: E.EPERM,
          ipc: E.EPERM,
          uts: E.EPERM,
          cgroup: E.EINVAL,
          time: E.EINVAL,
        },
        idmappedMount: E.ENOSYS,
        seccompFilter: E.EINVAL,
      },
      namespaces: ["mount", "pid"],
      seccompActions: [],
      programs: {},
      fuseDevice: "missing",
      loopControl: "missing",
      cgroups: { layout: "none", memory: false, pids: false, cpu: false, io: false },
      sysResource: false,
      executorSealed: false,
      lostNetworks: true,
    });
    const { checks } = diagnose(nothing);
    expect(checks.filter(({ available }) => available)).toEqual([]);
    for (const one of checks) {
      expect(one, one.id).toMatchObject({ cost: expect.any(String), remedy: expect.any(String) });
    }
  });

  it("names each check once", () => {
    const ids = diagnose(facts()).checks.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("networks", () => {
  it("are asked about for root alone, and have the name of the chain that is in their way", () => {
    expect(check(facts(), "forwarding")).toBeUndefined();
    expect(check(root(), "forwarding")).toMatchObject({ available: true });
    expect(check(root({ forwardingBlockers: ["filter FORWARD"] }), "forwarding")).toMatchObject({
      available: false,
      detail: expect.stringContaining('"filter FORWARD"'),
      remedy: expect.stringContaining("DOCKER-USER"),
    });
  });

  it("that are there without rules are named", () => {
    expect(check(root(), "rules")).toMatchObject({ available: true });
    expect(check(root({ unruledBridges: ["ct-web", "ct-db"] }), "rules")).toMatchObject({
      available: false,
      detail: expect.stringContaining("ct-web, ct-db"),
    });
  });
});
