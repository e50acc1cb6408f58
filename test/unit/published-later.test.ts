import { mkdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseUnpublish } from "../../src/cli/containers/ports.ts";
import { publishedDirectory, publishedLater } from "../../src/net/index.ts";
import { temporaryDirectory } from "../support/rootfs.ts";

const owner = { pid: 12, startTime: 345 };

describe("ports that are published later", () => {
  it("are found by the names of their directories", () => {
    const network = temporaryDirectory();
    expect(publishedLater(network)).toEqual([]);
    const first = publishedDirectory(network, owner, 5, { hostPort: 8080, containerPort: 80 });
    const second = publishedDirectory(network, owner, 6, {
      hostPort: 53,
      containerPort: 53,
      protocol: "udp",
      hostIP: "fd00::1",
    });
    for (const directory of [first, second, `${network}/published/other`]) mkdirSync(directory, { recursive: true });
    const common = { pid: 12, startTime: 345 };
    expect([...publishedLater(network)].sort((one, other) => one.lease - other.lease)).toEqual([
      {
        ...common,
        directory: first,
        undo: `${first}/undo`,
        lease: 5,
        protocol: "tcp",
        hostPort: 8080,
        hostIP: undefined,
      },
      {
        ...common,
        directory: second,
        undo: `${second}/undo`,
        lease: 6,
        protocol: "udp",
        hostPort: 53,
        hostIP: "fd00::1",
      },
    ]);
  });

  it("are named by the host's port when they are taken away", () => {
    expect(parseUnpublish("8080")).toEqual({ hostPort: 8080 });
    expect(parseUnpublish("53/udp")).toEqual({ hostPort: 53, protocol: "udp" });
    expect(parseUnpublish("127.0.0.1:53/udp")).toEqual({ hostPort: 53, hostIP: "127.0.0.1", protocol: "udp" });
    expect(parseUnpublish("[::1]:53")).toEqual({ hostPort: 53, hostIP: "::1" });
    for (const word of ["", "x", "8080:80", "1-2", "8080/", "8080/icmp", "0", "65536"])
      expect(() => parseUnpublish(word), word).toThrow();
  });
});
