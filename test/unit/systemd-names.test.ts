import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseList } from "../../src/systemd/cpu-list.ts";
import { cgroupName, escapeUnit, expandSlice, scopeName } from "../../src/systemd/names.ts";

describe("names of systemd's units", () => {
  it.each([
    ["system.slice", "system.slice"],
    ["a-b.slice", "a.slice/a-b.slice"],
    ["a-b-c.slice", "a.slice/a-b.slice/a-b-c.slice"],
    ["-.slice", ""],
  ])("%s is at %s", (slice, path) => {
    expect(expandSlice(slice, "cgroup.slice")).toBe(path);
  });

  it.each(["", ".slice", "a", "a.scope", "/a.slice", "a/b.slice", "a--b.slice", "-a.slice", "a-.slice", "ä.slice"])(
    "%j is no slice",
    (slice) => {
      expect(() => expandSlice(slice, "cgroup.slice")).toThrow(/expected the name of a slice.*\(cgroup.slice\)/);
    },
  );

  it("have .scope at their end", () => {
    expect(scopeName("web", "cgroup.name")).toBe("web.scope");
    expect(scopeName("web@1.scope", "cgroup.name")).toBe("web@1.scope");
    for (const name of ["", "a/b", "a b", "web.slice", "x".repeat(250)]) {
      expect(() => scopeName(name, "cgroup.name")).toThrow("the name of a scope");
    }
  });

  it("are made of any text", () => {
    expect(escapeUnit("libct-web-1")).toBe("libct-web-1");
    expect(escapeUnit(".ä b")).toBe("\\x2e\\xc3\\xa4\\x20b");
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 20 }), (text) => {
        expect(scopeName(`${escapeUnit(text)}.scope`, "")).toMatch(/\.scope$/);
      }),
    );
  });

  it("are no names of the kernel's files in a cgroup", () => {
    expect(["web.scope", "cpu.scope", "cgroup.scope", "_a.scope", "cpux.scope"].map(cgroupName)).toEqual([
      "web.scope",
      "_cpu.scope",
      "_cgroup.scope",
      "__a.scope",
      "cpux.scope",
    ]);
  });
});

describe("a list of processors as bits", () => {
  it.each<[string, number[]]>([
    ["0", [1]],
    ["0-3,8", [15, 1]],
    ["7,1", [130]],
    [" 1 , 3\n", [10]],
    ["", []],
  ])("%j", (text, bits) => {
    expect([...parseList(text, "resources.cpu.cpus")]).toEqual(bits);
  });

  it.each(["3-1", "a", "1-", "0-99999999", "-1"])("%j is an error", (text) => {
    expect(() => parseList(text, "resources.cpu.cpus")).toThrow("resources.cpu.cpus");
  });
});
