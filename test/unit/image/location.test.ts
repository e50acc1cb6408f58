import { describe, expect, it } from "vitest";
import { parseLocation } from "../../../src/image/location.ts";

describe("a location", () => {
  it.each([
    [
      "alpine",
      { transport: "registry", reference: { domain: "docker.io", repository: "library/alpine", tag: "latest" } },
    ],
    ["docker://r.io/a:1", { transport: "registry", reference: { domain: "r.io", repository: "a", tag: "1" } }],
    [
      "docker:24",
      { transport: "registry", reference: { domain: "docker.io", repository: "library/docker", tag: "24" } },
    ],
    ["dir:24", { transport: "registry", reference: { domain: "docker.io", repository: "library/dir", tag: "24" } }],
    ["r.io/oci:1", { transport: "registry", reference: { domain: "r.io", repository: "oci", tag: "1" } }],
    ["oci:/a/b", { transport: "oci", path: "/a/b" }],
    ["oci:a:b:c", { transport: "oci", path: "a", name: "b:c" }],
    ["oci-archive:x.tar:1.0", { transport: "oci-archive", path: "x.tar", name: "1.0" }],
    ["docker-archive:x.tar", { transport: "docker-archive", path: "x.tar" }],
    [
      "docker-archive:x.tar:app:2",
      {
        transport: "docker-archive",
        path: "x.tar",
        reference: { domain: "docker.io", repository: "library/app", tag: "2" },
      },
    ],
    ["archive:x.tar", { transport: "archive", path: "x.tar" }],
    ["docker-daemon:app:2", { transport: "docker-daemon", name: "app:2" }],
    ["containers-storage:localhost/app", { transport: "containers-storage", name: "localhost/app" }],
    ["rootfs:/srv/root:1", { transport: "rootfs", path: "/srv/root:1" }],
    ["tar:./root.tar.gz", { transport: "tar", path: "./root.tar.gz" }],
  ])("%s", (text, location) => {
    expect(parseLocation(text)).toEqual(location);
  });

  it.each([
    ["oci:", "the place is missing"],
    ["oci::tag", "the place is missing"],
    ["dir:/a", "rootfs:DIR"],
    ["ostree:/a", "ostree is not supported"],
    ["docker://", "it is empty"],
  ])("%s is refused", (text, message) => {
    expect(() => parseLocation(text)).toThrow(message);
  });
});
