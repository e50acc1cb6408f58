import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startExecutor } from "../../src/executor/index.ts";
import { packUpper } from "../../src/image/layer/pack.ts";
import { archiveOf, entry, file, unpack } from "../support/layers.ts";
import { auditEachTest } from "../support/leaks.ts";
import { makeLayout, uncompressedDigest } from "../support/oci-layout.ts";
import { playground, remove } from "../support/playground.ts";
import { installed, requires } from "../support/prerequisite.ts";
import { listTree } from "../support/tree.ts";

let work: string;
beforeAll(() => {
  work = playground();
});
afterAll(() => remove(work));
auditEachTest();

/** A part of this machine's system, and what it has not: the other kinds of files, holes, attributes, names of all sorts. */
function realTree(): string {
  const tree = join(work, "tree");
  mkdirSync(tree);
  const script = `cp -a /etc /usr/share/perl5 . ; mkdir odd; cd odd; truncate -s 5M holes; printf x | dd of=holes bs=1 seek=3000000 conv=notrunc status=none
    mknod null c 1 3; mkfifo ff; ln holes again; printf 'a' > "$(printf 'n\\377\\nl')"; mkdir -p "$(printf '%0120d' 1)/$(printf '%0120d' 2)"; touch "$(printf '%0120d' 1)/$(printf '%0120d' 2)/f"
    setfattr -n user.some -v thing null holes 2>/dev/null || setfattr -n user.some -v thing holes; cp /bin/ping caps; setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 caps
    chown 4000000:3000000 caps; setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 caps; chmod 4755 again; mkdir sgid; chmod 2775 sgid; touch -d @-5 old; ln -s "$(printf '%0200d' 3)" far`;
  execFileSync("sh", ["-ec", script], { cwd: tree });
  return tree;
}

describe.runIf(requires("umoci", installed("umoci"), "its trees are compared"))("a layer of a real system", () => {
  it("becomes the tree that GNU tar makes of it, in each of its formats", async () => {
    const tree = realTree();
    const formats = [
      ["--format=posix", "--xattrs", "--xattrs-include=*"],
      ["--format=posix", "--sparse", "--sparse-version=0.1"],
      ["--format=gnu", "--sparse"],
    ];
    for (const [index, format] of formats.entries()) {
      const archive = join(work, `${index}.tar`);
      const [theirs, ours] = [join(work, `tar-${index}`), join(work, `ours-${index}`)];
      execFileSync("tar", [...format, "-C", tree, "-cf", archive, "."]);
      mkdirSync(theirs);
      execFileSync("tar", ["--xattrs", "--xattrs-include=*", "-C", theirs, "-xpf", archive]);
      await unpack(readFileSync(archive), ours);
      expect(listTree(ours, { directoryTimes: true })).toEqual(listTree(theirs, { directoryTimes: true }));
    }
  });

  it("becomes the tree that umoci makes of it, with the layers above and what they hide", async () => {
    const tree = join(work, "tree");
    const first = join(work, "first.tar.gz");
    execFileSync("sh", ["-c", `tar --format=posix --xattrs --xattrs-include='*' -C ${tree} -c . | gzip > ${first}`]);
    const second = join(work, "second.tar.gz");
    const members = [
      file("etc/.wh.passwd", ""),
      entry("perl5", "directory"),
      file("perl5/.wh..wh..opq", ""),
      file("perl5/new", "2"),
      file("odd/again", "now another", { mode: 0o600 }),
      entry("odd/ff", "directory", { mode: 0o711 }),
      file("odd/ff/x", "y"),
    ];
    writeFileSync(second, gzipSync(await archiveOf(...members)));
    const layout = makeLayout(join(work, "layout"), [first, second]);
    execFileSync("umoci", ["unpack", "--image", layout, join(work, "bundle")], { stdio: "ignore" });
    const ours = join(work, "applied");
    mkdirSync(ours);
    for (const layer of [first, second]) {
      const { diffId } = await unpack(readFileSync(layer), ours, { whiteouts: "applied" });
      expect(diffId).toBe(`sha256:${uncompressedDigest(layer)}`);
    }
    expect(listTree(ours)).toEqual(listTree(join(work, "bundle/rootfs")));
  });

  it("is packed so that GNU tar and umoci make the same tree of it", async () => {
    const tree = join(work, "tree");
    const { zygote } = await startExecutor();
    const parts: Uint8Array[] = [];
    for await (const part of packUpper(tree, { executor: zygote })) parts.push(part);
    await zygote.close();
    const archive = Buffer.concat(parts);
    const theirs = join(work, "by-tar");
    mkdirSync(theirs);
    execFileSync("tar", ["--xattrs", "--xattrs-include=*", "-C", theirs, "-xpf", "-"], { input: archive });
    const packed = join(work, "packed.tar.gz");
    writeFileSync(packed, gzipSync(archive, { level: 1 }));
    execFileSync(
      "umoci",
      ["unpack", "--image", makeLayout(join(work, "layout-packed"), [packed]), join(work, "by-umoci")],
      { stdio: "ignore" },
    );
    const wanted = listTree(tree, { directoryTimes: true }).slice(1);
    expect(listTree(theirs, { directoryTimes: true }).slice(1)).toEqual(wanted);
    expect(listTree(join(work, "by-umoci/rootfs")).slice(1)).toEqual(listTree(tree).slice(1));
  });
});
