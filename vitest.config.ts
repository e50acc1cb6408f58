import { defineConfig } from "vitest/config";

const timeouts = { testTimeout: 60_000, hookTimeout: 120_000 };

export default defineConfig({
  test: {
    // System and peer tests share one kernel: one file at a time, so that a look for leaks means something.
    fileParallelism: false,
    pool: "forks",
    projects: ["unit", "system", "peers"].map((name) => ({
      test: { name, include: [`test/${name}/**/*.test.ts`], ...timeouts },
    })),
  },
});
