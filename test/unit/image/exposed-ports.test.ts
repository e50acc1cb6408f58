import { describe, expect, it } from "vitest";
import { publishExposed } from "../../../src/host/images/exposed-ports.ts";

describe("the ports that an image exposes", () => {
  it("are published, with their protocols and ranges, at free ports of the host's", () => {
    expect(publishExposed(["80/tcp", "53/udp", "8000-8003", "9/SCTP"], "app")).toEqual([
      { containerPort: 80 },
      { containerPort: 53, protocol: "udp" },
      { containerPort: 8000, range: 4 },
      { containerPort: 9, protocol: "sctp" },
    ]);
  });

  it("are left to who publishes them otherwise", () => {
    const given = [
      { containerPort: 80, hostPort: 8080 },
      { containerPort: 8001, protocol: "udp" },
    ] as const;
    expect(publishExposed(["80/tcp", "80/udp", "8000-8003/udp"], "app", given)).toEqual([
      { containerPort: 80, protocol: "udp" },
    ]);
  });

  it("are refused when they are none", () => {
    for (const text of ["", "http", "0", "70000", "9-8", "80/icmp"]) {
      expect(() => publishExposed([text], "app"), text).toThrow(`the image app exposes ${JSON.stringify(text)}`);
    }
  });
});
