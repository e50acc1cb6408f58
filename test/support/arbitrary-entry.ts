import fc from "fast-check";
import type { ResolvedEntry } from "../../src/compile/index.ts";
import type { KernelFeatures } from "../../src/linux/index.ts";
import { NAMESPACE_TYPES, type ProcessSpec } from "../../src/spec/index.ts";
import { arbitraryProcess, FILTER, idMaps, stdio } from "./arbitrary-spec.ts";

/** A process that enters a container with the standard namespaces and a root of its own, and the differences. */
export function entry(features: KernelFeatures, differences: Partial<ResolvedEntry> = {}): ResolvedEntry {
  const process: ProcessSpec = differences.process ?? { args: ["/bin/true"] };
  return {
    arch: "x86_64",
    features,
    process,
    user: process.user,
    namespaces: new Set(["mount", "pid", "ipc", "uts", "cgroup", "network"]),
    userFirst: false,
    idMaps: undefined,
    root: { path: "/" },
    chroot: false,
    cgroups: [],
    target: "7/fd/21",
    seccomp: undefined,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    keepRunning: false,
    ...differences,
  };
}

/** Any subset of the namespaces, any process, with every kind of root. */
export function arbitraryEntry(features: KernelFeatures): fc.Arbitrary<ResolvedEntry> {
  return fc
    .record({
      process: arbitraryProcess(features),
      namespaces: fc.subarray([...NAMESPACE_TYPES]),
      userFirst: fc.boolean(),
      idMaps,
      chroot: fc.boolean(),
      cgroups: fc.subarray([
        { path: "/sys/fs/cgroup/pids/libct-1", version: 1 as const },
        { path: "/sys/fs/cgroup/unified/libct-1/workers", version: 2 as const },
      ]),
      attach: fc.constantFrom(undefined, {
        scope: { manager: "user", unit: "libct-1.scope", slice: "user.slice" },
        below: "/workers",
      } as const),
      filtered: fc.boolean(),
      stdio: fc.tuple(stdio, stdio, stdio),
      keepRunning: fc.boolean(),
    })
    .map(({ namespaces, idMaps: maps, filtered, stdio: [stdin, stdout, stderr], ...parts }) =>
      entry(features, {
        ...parts,
        namespaces: new Set(namespaces),
        idMaps: namespaces.includes("user") ? maps : undefined,
        root: namespaces.includes("mount") || parts.chroot ? { path: "/" } : undefined,
        seccomp: filtered ? { filter: FILTER, flags: 0 } : undefined,
        stdin,
        stdout,
        stderr,
      }),
    );
}
