import { describe, expect, it } from "vitest";
import { merge } from "../../../src/image/layer/merged-tree.ts";
import type { TreeEntry } from "../../../src/image/layer/read-tree.ts";

const entry = (name: string, more: Partial<TreeEntry> = {}): TreeEntry => ({
  name,
  type: "file",
  isSocket: false,
  linkname: "",
  mode: 0o644,
  uid: 0,
  gid: 0,
  uname: "",
  gname: "",
  size: 0,
  mtime: { seconds: 0, nanoseconds: 0 },
  major: 0,
  minor: 0,
  xattrs: new Map(),
  inode: "1",
  links: 1,
  ...more,
});
const directory = (name: string) => entry(name, { type: "directory" });
const opaque = (name: string, attribute = "trusted.overlay.opaque") =>
  entry(name, { type: "directory", xattrs: new Map([[attribute, Buffer.from("y")]]) });
const whiteout = (name: string) => entry(name, { type: "character" });
const told = (...layers: readonly (readonly TreeEntry[])[]) =>
  merge(layers).map(({ entry: { name, type }, from }) => `${name} ${type} ${from.join()}`);

describe("layers that lie one over another", () => {
  it("show of each name the topmost, and of directories what all of them have", () => {
    expect(told([entry("b"), directory("d")], [entry("a"), entry("b"), directory("d")])).toEqual([
      "a file 1",
      "b file 0",
      "d directory 0,1",
    ]);
  });

  it("hide what a whiteout is for, and show it again when a layer above it has it", () => {
    expect(told([whiteout("gone")], [entry("gone")])).toEqual([]);
    expect(told([directory("d")], [whiteout("d")], [directory("d")])).toEqual(["d directory 0"]);
  });

  it("hide what lies below an opaque directory, in every form of the attribute", () => {
    for (const attribute of ["trusted.overlay.opaque", "user.overlay.opaque", "user.fuseoverlayfs.opaque"]) {
      const layers = [[directory("d")], [opaque("d", attribute)], [directory("d")]];
      expect(told(...layers), attribute).toEqual(["d directory 0,1"]);
    }
  });

  it("do not look below a file that stands between two directories, or in place of one", () => {
    expect(told([directory("x")], [entry("x")], [directory("x")])).toEqual(["x directory 0"]);
    expect(told([entry("x")], [directory("x")])).toEqual(["x file 0"]);
  });

  it("are refused when one of them only says where something is", () => {
    const redirected = entry("d", {
      type: "directory",
      xattrs: new Map([["trusted.overlay.redirect", new Uint8Array(1)]]),
    });
    expect(() => merge([[redirected]])).toThrow("redirect");
  });
});
