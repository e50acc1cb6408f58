import fc from "fast-check";
import type { LiveChange, ResolvedChange } from "../../src/compile/index.ts";
import type { KernelFeatures } from "../../src/linux/index.ts";
import type { Mount } from "../../src/spec/index.ts";
import { entry } from "./arbitrary-entry.ts";
import { bindMount, idMaps, path, plainMount, resolvedMount } from "./arbitrary-spec.ts";

/** A change of a container with the standard namespaces, as the host resolves it. */
export function resolvedChange(
  features: KernelFeatures,
  change: LiveChange,
  differences: Partial<ResolvedChange> = {},
): ResolvedChange {
  const base = entry(features, { process: { args: [] }, stdout: "ignore", stderr: "ignore", ...differences });
  return {
    ...base,
    mounts: change.do === "mount" ? [change.mount] : [],
    created: base.namespaces,
    change,
  };
}

const mountOf = (mount: Mount): LiveChange => ({ do: "mount", mount: resolvedMount(mount, 0) });
const devicePath = path.map((below) => `/dev${below}`);

function arbitraryLiveChange(features: KernelFeatures): fc.Arbitrary<LiveChange> {
  const remount = path.map((destination): Mount => ({ destination, options: ["remount", "bind", "ro"] }));
  const mounts = features.openTree ? fc.oneof(plainMount, remount, bindMount(features.mountSetattr)) : plainMount;
  return fc.oneof(
    mounts.map(mountOf),
    fc.record({ do: fc.constant("unmount" as const), path, detach: fc.boolean() }),
    fc.record({
      do: fc.constant("addDevice" as const),
      device: fc.record({ path: devicePath, type: fc.constantFrom("c", "b", "p"), major: fc.nat(9), minor: fc.nat(9) }),
      bound: fc.boolean(),
    }),
    fc.record({ do: fc.constant("removeDevice" as const), path: devicePath }),
    fc.record({
      do: fc.constant("setNames" as const),
      names: fc.constantFrom({ hostname: "box" }, { domainname: "x" }),
    }),
    fc.record({
      do: fc.constant("setSysctl" as const),
      values: fc.constantFrom(
        { "net.ipv4.ip_forward": "1" },
        { "kernel.msgmax": "1", "net/ipv4/conf/eth0.5/forwarding": "0" },
      ),
    }),
    fc.record({
      do: fc.constant("setRlimits" as const),
      pids: fc.uniqueArray(fc.integer({ min: 1, max: 99 }), { maxLength: 20 }),
      rlimits: fc.constantFrom(
        [{ type: "RLIMIT_NOFILE", soft: 64, hard: -1 }],
        [{ type: "RLIMIT_CORE", soft: 0, hard: 0 }],
      ),
    }),
  );
}

/** Any change of any container. */
export const arbitraryChange = (features: KernelFeatures): fc.Arbitrary<ResolvedChange> =>
  fc
    .tuple(arbitraryLiveChange(features), fc.subarray(["pid", "user", "network"] as const), fc.boolean(), idMaps)
    .map(([change, others, userFirst, maps]) => {
      const namespaces = new Set(["mount", "uts", ...others] as const);
      const idMapped = namespaces.has("user") ? maps : undefined;
      return resolvedChange(features, change, { namespaces, userFirst, idMaps: idMapped });
    });
