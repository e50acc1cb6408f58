import { describe, expect, it } from "vitest";
import { parseAddHost, parsePublish, splitNetwork } from "../../src/cli/network-syntax.ts";
import { networkOptions } from "../../src/cli/networks/create.ts";

const CREATE = { subnet: [], gateway: [], label: [] };

describe("--publish", () => {
  it.each([
    ["80", { containerPort: 80 }],
    ["8080:80", { containerPort: 80, hostPort: 8080 }],
    ["8080:80/udp", { containerPort: 80, hostPort: 8080, protocol: "udp" }],
    ["127.0.0.1:8080:80", { containerPort: 80, hostPort: 8080, hostIP: "127.0.0.1" }],
    ["127.0.0.1::80", { containerPort: 80, hostIP: "127.0.0.1" }],
    ["[::1]:8080:80", { containerPort: 80, hostPort: 8080, hostIP: "::1" }],
    ["8000-8009:80-89", { containerPort: 80, hostPort: 8000, range: 10 }],
    ["80-81/sctp", { containerPort: 80, protocol: "sctp", range: 2 }],
    [":80", { containerPort: 80 }],
  ])("%s", (word, port) => {
    expect(parsePublish(word)).toEqual(port);
  });

  it.each(["", "web", "0:80", "80:0", "65536", "1:2:3:4", "8000-8009:80", "89-80", "80/icmp", "::1:8080:80", "80:"])(
    "refuses %s",
    (word) => {
      expect(() => parsePublish(word)).toThrow(/^--publish /);
    },
  );
});

describe("--network", () => {
  it("has a name, and options behind a colon", () => {
    expect(splitNetwork("web")).toEqual({ name: "web", options: [] });
    expect(splitNetwork("web:ip=10.9.0.5,alias=www")).toEqual({
      name: "web",
      options: [
        ["ip", "10.9.0.5"],
        ["alias", "www"],
      ],
    });
    expect(splitNetwork("web:ip=fd09::5").options).toEqual([["ip", "fd09::5"]]);
    expect(() => splitNetwork(":ip=1")).toThrow(/^--network /);
  });
});

describe("--add-host", () => {
  it("has a name and an address", () => {
    expect(parseAddHost("db:10.0.0.5")).toEqual(["db", "10.0.0.5"]);
    expect(parseAddHost("db:fd00::5")).toEqual(["db", "fd00::5"]);
    expect(parseAddHost("db:[fd00::5]")).toEqual(["db", "fd00::5"]);
    expect(() => parseAddHost("db")).toThrow(/^--add-host /);
    expect(() => parseAddHost("db:")).toThrow(/^--add-host /);
  });
});

describe("ct network create", () => {
  it("gives each gateway to the subnet of its version of IP", () => {
    const flags = { ...CREATE, subnet: ["10.9.0.0/24", "fd09::/64"], gateway: ["fd09::ff"] };
    expect(networkOptions("web", flags)).toMatchObject({
      name: "web",
      subnets: [{ subnet: "10.9.0.0/24" }, { subnet: "fd09::/64", gateway: "fd09::ff" }],
    });
  });

  it("refuses a gateway without a subnet, and two for one", () => {
    expect(() => networkOptions("web", { ...CREATE, gateway: ["10.9.0.1"] })).toThrow(/^--gateway /);
    const two = { ...CREATE, subnet: ["10.9.0.0/24"], gateway: ["10.9.0.1", "10.9.0.2"] };
    expect(() => networkOptions("web", two)).toThrow(/one for each/);
  });

  it("knows labels, an internal network, and one that is not masqueraded", () => {
    const flags = { ...CREATE, label: ["a=b=c", "d"], internal: true, noMasquerade: true, mtu: "1400" } as const;
    expect(networkOptions("web", flags)).toEqual({
      name: "web",
      subnets: [],
      internal: true,
      masquerade: false,
      mtu: 1400,
      labels: { a: "b=c", d: "" },
    });
  });
});
