import { expect, it } from "vitest";
import { parseMountInfo } from "../../src/fs/index.ts";

it("reads mount points with blanks, options and types from mountinfo", () => {
  const lines = [
    "22 27 0:21 / /proc rw,relatime - proc proc rw",
    "36 35 98:0 /mnt1 /with\\040blank\\134 ro,noatime master:1 - ext3 /dev/root rw,errors=continue",
    "",
  ];
  expect(parseMountInfo(lines.join("\n"))).toEqual([
    { mountPoint: "/proc", root: "/", options: ["rw", "relatime"], type: "proc" },
    { mountPoint: "/with blank\\", root: "/mnt1", options: ["ro", "noatime"], type: "ext3" },
  ]);
});
