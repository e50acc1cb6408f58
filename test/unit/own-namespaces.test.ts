import { describe, expect, it } from "vitest";
import { refuseChangesOfOwn } from "../../src/host/own-namespaces.ts";

describe("a namespace that is joined", () => {
  it("may not be the host's own when it is given a name or kernel parameters", () => {
    const joined = new Map([
      ["uts", "/proc/self/ns/uts"],
      ["network", "/proc/self/ns/net"],
    ] as const);
    const refused = (spec: object) => expect(() => refuseChangesOfOwn(spec, joined));
    refused({ hostname: "web" }).toThrow(/\(hostname\)/);
    refused({ sysctl: { "net.ipv4.ip_forward": "1" } }).toThrow(/\(sysctl\.net\.ipv4\.ip_forward\)/);
    refused({ sysctl: { "kernel.domainname": "lan" } }).toThrow(/uts namespace of its own/);
    refused({ sysctl: { "kernel.shmmax": "1" } }).not.toThrow();
    refused({}).not.toThrow();
  });

  it("may be any other", () => {
    // A file that is no namespace of ours is as good as another's namespace.
    expect(() => refuseChangesOfOwn({ hostname: "web" }, new Map([["uts", "/proc/self/ns/net"]]))).not.toThrow();
  });
});
