import { mkdtempSync, rmSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import type { ProgramRunner } from "../../../src/executor/index.ts";
import { unpackTar } from "../../../src/image/layer/unpack.ts";
import type { TarContent } from "../../../src/image/layer/write-tar.ts";
import { archiveOf, entry, inPieces } from "../../support/layers.ts";

const base = mkdtempSync("/tmp/ct-retained-");
afterAll(() => rmSync(base, { recursive: true }));

/** A session that does nothing, and is content with everything. */
const runner: ProgramRunner = {
  run(_, listener) {
    queueMicrotask(() => listener.notify?.(1, [process.pid]));
    const result = async () => ({ errno: 0, op: 0, value: 0n });
    return {
      go: () => queueMicrotask(() => listener.done?.(undefined)),
      call: result,
      callInPlace: result,
      forget: () => undefined,
    } as unknown as ReturnType<ProgramRunner["run"]>;
  },
};

async function unpack(members: readonly TarContent[], retained?: number) {
  const content = inPieces(await archiveOf(...members));
  const limits = retained === undefined ? {} : { retained };
  return await unpackTar({ executor: runner, directory: `${base}/layer`, content, whiteouts: "overlay", limits });
}

const directories = (count: number, size: number) =>
  Array.from({ length: count }, (_, index) =>
    entry(`d${index}`, "directory", { xattrs: new Map([["user.a", Buffer.alloc(size)]]) }),
  );

describe("what is kept in memory of a layer until all of it is there", () => {
  it("has a bound, of attributes of directories and of names that are hidden", async () => {
    const refusal = { code: "ERR_CT_LAYER", message: expect.stringContaining("more than 100000 bytes") };
    await expect(unpack(directories(10, 10_000), 100_000)).rejects.toMatchObject(refusal);
    const hidden = Array.from({ length: 500 }, (_, index) => entry(`${"a".repeat(80)}/.wh.${index}`, "file"));
    await expect(unpack(hidden, 100_000)).rejects.toMatchObject(refusal);
  });

  it("is enough for what honest layers have", async () => {
    expect(await unpack(directories(1000, 1000))).toMatchObject({ entries: 1000 });
  });
});
