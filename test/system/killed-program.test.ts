import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compileContainer, type Resolved } from "../../src/compile/index.ts";
import { type Executor, startExecutor } from "../../src/executor/index.ts";
import { clearCgroup } from "../../src/host/repair.ts";
import { resolveContainer } from "../../src/host/resolve.ts";
import { type ContainerSpec, type Host, standard } from "../../src/index.ts";
import { encodeProgram, type Program } from "../../src/program/index.ts";
import { validateProcess, validateSpec } from "../../src/spec/index.ts";
import { openHost } from "../support/host.ts";
import { killedAt } from "../support/killed-program.ts";
import { auditEachTest } from "../support/leaks.ts";
import { busyboxRoot, playground, remove } from "../support/playground.ts";

auditEachTest();
const directory = playground();
const root = busyboxRoot(`${directory}/rootfs`);
let host: Host;
let executor: Executor;
beforeAll(async () => {
  host = await openHost();
  executor = await startExecutor(process.env.LIBCT_TEST_EXECUTOR);
});
afterAll(async () => {
  await executor.zygote.close();
  await host[Symbol.asyncDispose]();
  remove(directory);
});

/** Everything that is made outside of the container's own namespaces: cgroups, and a record. */
async function resolved(): Promise<Resolved> {
  const spec: ContainerSpec = validateSpec({
    ...standard({ userNamespace: false }),
    root,
    resources: { memory: { limit: 64 << 20 } },
  });
  const streams = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
  const command = validateProcess({ ...spec.process, args: ["/bin/true"] });
  const container = await resolveContainer(spec, command, streams, await host.surroundings());
  const record = `${directory}/record`;
  mkdirSync(record, { recursive: true });
  return {
    ...container,
    record: { directory: record, outlives: false, autoRemove: true, held: false, logSize: 4096, restart: undefined },
  };
}

/** Whether its monitor has cleaned up, or was lost before. */
function run(program: Program): Promise<{ readonly lost: boolean }> {
  return new Promise((resolve) => {
    let lost = false;
    executor.zygote.run(encodeProgram(program), {
      lost: () => {
        lost = true;
      },
      done: () => resolve({ lost }),
    });
  });
}

const BLOCKS = ["monitor", "init", "epilogue"];

describe("a process that dies before any operation", () => {
  it.each(BLOCKS)("of the block %s leaves nothing", async (name) => {
    const count = compileContainer(await resolved()).blocks.find((block) => block.name === name)?.ops.length ?? 0;
    expect(count).toBeGreaterThan(5);
    let killed = 0;
    for (let index = 0; index < count; index++) {
      const container = await resolved();
      const program = compileContainer(container);
      const block = program.blocks.find((one) => one.name === name);
      if (!block) throw new Error(`no block ${name}`);
      const { lost } = await run(killedAt(program, block, index));
      killed += Number(lost);
      // What an application does when its monitor is lost.
      if (lost) await clearCgroup(container.cgroup?.handle);
      const left = container.cgroup?.handle.directories.filter(({ path }) => existsSync(path)) ?? [];
      expect(left, `${name}[${index}]`).toEqual([]);
      if (!lost) expect(readdirSync(directory), `${name}[${index}]`).toEqual(["rootfs"]);
    }
    // Some operations are not come to on a path without errors.
    if (name !== "init") expect(killed).toBeGreaterThan(count / 2);
  });
});
