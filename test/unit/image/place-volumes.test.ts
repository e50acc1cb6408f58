import { describe, expect, it } from "vitest";
import { placeVolumes } from "../../../src/host/images/place-volumes.ts";

const at = (...destinations: string[]) => destinations.map((destination) => ({ destination, type: "bind" }));
const order = (mounts: readonly string[], volumes: readonly string[]) =>
  placeVolumes(at(...mounts), at(...volumes)).map(({ destination }) => destination);

describe("the volumes of an image", () => {
  it("hide nothing that is mounted below them, however that is written", () => {
    expect(order(["/proc", "/data/db", "/app//x/../app.conf"], ["/data", "/app"])).toEqual([
      "/proc",
      "/data",
      "/data/db",
      "/app",
      "/app//x/../app.conf",
    ]);
  });

  it("lie over what they are in, be it a mount or another volume", () => {
    expect(order(["/dev", "/srv"], ["/srv/a/b", "/srv/a", "/dev/x"])).toEqual([
      "/dev",
      "/srv",
      "/srv/a",
      "/dev/x",
      "/srv/a/b",
    ]);
    expect(order(["/srv/a/b/c"], ["/srv/a/b", "/srv/a"])).toEqual(["/srv/a", "/srv/a/b", "/srv/a/b/c"]);
  });

  it("are not taken for what only begins alike", () => {
    expect(order(["/database", "/data/"], ["/data"])).toEqual(["/database", "/data", "/data/"]);
  });
});
