import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 120_000,
    projects: [
      { extends: true, test: { name: "unit", include: ["test/unit/**/*.test.ts"] } },
      // System and peer tests share one kernel: one file at a time, each in its own process, so that leak checks mean something.
      {
        extends: true,
        test: { name: "system", include: ["test/system/**/*.test.ts"], pool: "forks", fileParallelism: false },
      },
      {
        extends: true,
        test: { name: "peers", include: ["test/peers/**/*.test.ts"], pool: "forks", fileParallelism: false },
      },
    ],
  },
});
