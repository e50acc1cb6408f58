import { describe, expect, it } from "vitest";
import { splitWords } from "../../../src/cli/words.ts";
import { splitWords as quoted } from "../../../src/flavours/index.ts";
import { importLxc } from "../../../src/flavours/lxc/index.ts";
import { planImported } from "../../../src/host/index.ts";
import { contextWith } from "./context.ts";

const CONFIG = `lxc.init.cmd = /sbin/init splash
lxc.environment = A=1
lxc.mount.entry = /a data none bind 0 0
lxc.cgroup2.memory.max = 1000
lxc.cgroup2.pids.max = 10
lxc.net.0.type = veth
lxc.net.0.link = br0
lxc.net.0.flags = up`;
const imported = importLxc("/c", contextWith({ "/c": CONFIG }));
const plan = (options: Parameters<typeof planImported>[2], args: readonly string[] = []) =>
  planImported(imported, args, options);

describe("another program's container, started with changes", () => {
  it("is as its configuration says without any", () => {
    expect(plan({})).toEqual({ spec: imported.spec, process: imported.process });
  });

  it("executes another command, with more variables", () => {
    const { process } = plan({ env: { B: "2" } }, ["sh"]);
    expect(process.args).toEqual(["sh"]);
    expect(process.env).toMatchObject({ A: "1", B: "2", container: "lxc" });
  });

  it("has one limit more or another one, and the others still", () => {
    expect(plan({ resources: { memory: { limit: 5 }, cpu: { shares: 2 } } }).spec.resources).toEqual({
      memory: { limit: 5 },
      cpu: { shares: 2 },
      pids: { limit: 10 },
    });
  });

  it("has more mounts, and another one in the same place", () => {
    const mounts = plan({ mounts: [{ destination: "/data", type: "tmpfs" }] }).spec.mounts ?? [];
    expect(mounts).toHaveLength(imported.spec.mounts?.length ?? 0);
    expect(mounts.filter(({ destination }) => destination === "/data")).toEqual([
      { destination: "/data", type: "tmpfs" },
    ]);
  });

  it("has the host's network, or none", () => {
    const hasNetwork = (network: "host" | "none") => {
      const { spec } = plan({ network });
      expect(spec).not.toHaveProperty("nics");
      return (spec.namespaces ?? []).some(
        (one) => one === "network" || (typeof one === "object" && one.type === "network"),
      );
    };
    expect([hasNetwork("host"), hasNetwork("none")]).toEqual([false, true]);
  });
});

describe("the words of ct run", () => {
  it("may name another program's container, which has a command", () => {
    expect(splitWords(["lxc:web"], undefined)).toEqual({ root: "lxc:web", command: [] });
    expect(splitWords(["bundle:./b", "sh", "-c", "id"], undefined)).toEqual({
      root: "bundle:./b",
      command: ["sh", "-c", "id"],
    });
    expect(splitWords(["nspawn:deb"], [])).toEqual({ root: "nspawn:deb", command: [] });
    expect(splitWords(["lxc:"], []).root).toBeUndefined();
  });
});

describe("quoted words", () => {
  it.each([
    ["a  b\tc", ["a", "b", "c"]],
    [`a "b c" 'd "e'`, ["a", "b c", 'd "e']],
    [String.raw`a\ b "c\"d" 'e\f'`, ["a b", 'c"d', String.raw`e\f`]],
    [`""`, [""]],
    ["  ", []],
  ])("%j", (text, words) => {
    expect(quoted(text)).toEqual(words);
  });
});
