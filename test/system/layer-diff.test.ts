import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startExecutor } from "../../src/executor/index.ts";
import { compareTrees, packDifference } from "../../src/image/layer/compare-trees.ts";
import { packUpper } from "../../src/image/layer/pack.ts";
import { readTar } from "../../src/image/layer/read-tar.ts";
import { archiveOf, entry, file, unpack } from "../support/layers.ts";
import { auditEachTest } from "../support/leaks.ts";
import { playground, remove } from "../support/playground.ts";
import { listTree } from "../support/tree.ts";

let work: string;
beforeAll(() => {
  work = playground();
});
afterAll(() => remove(work));
auditEachTest();

type Executor = Awaited<ReturnType<typeof startExecutor>>["zygote"];

async function withExecutor<T>(act: (executor: Executor) => Promise<T>): Promise<T> {
  const { zygote } = await startExecutor(process.env.LIBCT_TEST_EXECUTOR);
  return await act(zygote).finally(() => zygote.close());
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const pack = (upper: string) =>
  withExecutor(async (executor) => Buffer.concat(await collect(packUpper(upper, { executor }))));
const names = async (archive: Uint8Array) =>
  (await collect(readTar([archive]))).map(({ name, type }) => `${type} ${name}`);

/** Changes a tree as a container does: in an overlay over it, whose upper directory is given. */
function change(lower: string, upper: string, merged: string, script: string): void {
  for (const directory of [upper, `${upper}-work`, merged]) mkdirSync(directory);
  const mount = `mount -t overlay overlay -o lowerdir=${lower},upperdir=${upper},workdir=${upper}-work /mnt`;
  execFileSync("unshare", ["-m", "sh", "-ec", `${mount}; cd /mnt; ${script}; cp -a /mnt/. ${merged}/`]);
}

describe("a layer of a tree", () => {
  it("makes the same tree again, and the same archive", async () => {
    const time = { seconds: 1_500_000_000, nanoseconds: 7 };
    const long = "l".repeat(600);
    const archive = await archiveOf(
      entry("d", "directory", {
        mode: 0o1777,
        uid: 9,
        gid: 9,
        mtime: time,
        xattrs: new Map([["user.d", Buffer.from("x")]]),
      }),
      file("d/big", randomBytes(700_000), { uid: 4_000_000, mtime: time }),
      file("d/middle", randomBytes(33_000), { mode: 0, mtime: time }),
      entry("d/same", "link", { linkname: "d/big" }),
      file("s", "tiny", {
        mode: 0o6755,
        mtime: time,
        xattrs: new Map([
          ["user.long", randomBytes(900)],
          ["user.z", Buffer.alloc(0)],
        ]),
      }),
      ...Array.from({ length: 40 }, (_, index) => file(`n${index}`, `${index}`, { mtime: time })),
      entry("link", "symlink", { linkname: long, mtime: time }),
      entry("tty", "character", { major: 5, minor: 0, mtime: time }),
      entry("ff", "fifo", { mtime: time }),
    );
    const [first, second] = [join(work, "first"), join(work, "second")];
    await unpack(archive, first);
    const again = await pack(first);
    await unpack(again, second);
    expect(listTree(second, { directoryTimes: true }).slice(1)).toEqual(
      listTree(first, { directoryTimes: true }).slice(1),
    );
    expect((await pack(second)).equals(again)).toBe(true);
  });

  it("has what a container has changed, and hides what it has removed", async () => {
    const [lower, upper, merged, applied] = ["lower", "upper", "merged", "applied"].map((name) => join(work, name)) as [
      string,
      string,
      string,
      string,
    ];
    await unpack(
      await archiveOf(
        file("gone", "1"),
        file("kept", "1"),
        file("d/a", "1"),
        file("d/b", "1"),
        file("whole/x", "1"),
        file("anew/old", "1"),
        file("t", "1"),
        file("u", "1"),
      ),
      lower,
    );
    change(
      lower,
      upper,
      merged,
      `rm gone d/a; rm -r whole anew; mkdir anew; echo 2 > anew/new; echo more >> d/b; ln d/b d/c; chmod 700 t; chown 5:6 u; mkdir -p x/y;
       perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0); bind(S, sockaddr_un("sock"))'`,
    );
    const archive = await pack(upper);
    // An overlay of Linux 5.10 marks each new directory so; it hides nothing here.
    const packed = (await names(archive)).filter((name) => name !== "file x/.wh..wh..opq");
    expect(packed.sort()).toEqual([
      ...["directory anew/", "directory d/", "directory x/", "directory x/y/", "file .wh.gone", "file .wh.whole"],
      ...["file anew/.wh..wh..opq", "file anew/new", "file d/.wh.a", "file d/b", "file t", "file u", "link d/c"],
    ]);
    execFileSync("cp", ["-a", lower, applied]);
    await unpack(archive, applied, { whiteouts: "applied" });
    const listed = (tree: string) => listTree(tree).filter((line) => !line.startsWith("/sock "));
    expect(listed(applied)).toEqual(listed(merged));
    const compared = await withExecutor((executor) => collect(compareTrees(lower, merged, { executor })));
    expect(compared.map(({ kind, path }) => `${kind} ${path}`)).toEqual([
      ...["added /anew/new", "removed /anew/old", "removed /d/a", "changed /d/b", "added /d/c", "removed /gone"],
      ...["added /sock", "changed /t", "changed /u", "removed /whole", "added /x", "added /x/y"],
    ]);
    const difference = await withExecutor(async (executor) =>
      Buffer.concat(await collect(packDifference(lower, merged, { executor }))),
    );
    execFileSync("sh", ["-c", `rm -rf ${applied}; cp -a ${lower} ${applied}`]);
    await unpack(difference, applied, { whiteouts: "applied" });
    expect(listed(applied)).toEqual(listed(merged));
  });

  it("is not made of an overlay's references to other layers", async () => {
    const directory = join(work, "metacopy");
    mkdirSync(directory);
    execFileSync("sh", ["-c", "touch f; setfattr -n trusted.overlay.metacopy -v '' f"], { cwd: directory });
    await expect(pack(directory)).rejects.toMatchObject({ code: "ERR_CT_NOT_SUPPORTED", path: "f" });
  });
});
