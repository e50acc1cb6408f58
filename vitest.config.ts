import { defineConfig } from "vitest/config";

/** A kernel that is itself a process (scripts/test-kernels.ts) takes its time. */
const patience = process.env.LIBCT_TEST_KERNEL === undefined ? 1 : 5;
const timeouts = { testTimeout: 60_000 * patience, hookTimeout: 120_000 * patience };

/** System tests that look at ordinary users' containers too, but need root to set the scene. */
const NEED_ROOT = [
  "cgroup",
  "cgroup-v2",
  "doctor",
  "enter",
  "enter-hostile",
  "enter-states",
  "enter-user",
  "explain",
  "live",
  "live-user",
  "failures",
  "hostile-capabilities",
  "hostile-descriptors",
  "hostile-paths",
  "hostile-races",
  "images",
  "images-user",
  "layer-diff",
  "layers",
  "layers-user",
  "mounts",
  "namespaces",
  "nonroot",
  "old-kernel",
  "process",
  "roots",
  "runtime-exec",
  "runtime-hooks",
  "runtime-lifecycle",
  "runtime-places",
  "runtime-terminal",
  "sandbox",
  "security",
].map((name) => `test/system/${name}.test.ts`);

function leftOut(): string[] {
  if (process.getuid?.() === 0) return [];
  if (process.env.CI === "true") throw new Error("the system tests need root, and with CI=true nothing may be skipped");
  console.warn(`SKIPPED, as they need root: ${NEED_ROOT.join(" ")}`);
  return NEED_ROOT;
}

export default defineConfig({
  test: {
    // System and peer tests share one kernel: one file at a time, so that a look for leaks means something.
    fileParallelism: false,
    pool: "forks",
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], ...timeouts } },
      { test: { name: "system", include: ["test/system/**/*.test.ts"], exclude: leftOut(), ...timeouts } },
      { test: { name: "peers", include: ["test/peers/**/*.test.ts"], ...timeouts } },
    ],
  },
});
