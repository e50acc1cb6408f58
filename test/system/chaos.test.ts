import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const project = fileURLToPath(new URL("../..", import.meta.url));

it("applications, executors and monitors are killed at random, and nothing leaks, is lost, or corrupt", {
  timeout: 180_000,
}, () => {
  const bun = `${project}/node_modules/.bin/bun`;
  const { status, stdout, stderr } = spawnSync(bun, ["chaos/main.ts", "40"], { cwd: project, encoding: "utf8" });
  expect({ status, stdout, stderr }).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("nothing leaked, nothing lost, nothing corrupt"),
  });
});
