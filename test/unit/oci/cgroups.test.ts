import { describe, expect, it } from "vitest";
import { stateDirectory } from "../../../src/cli/runtime/globals.ts";
import { isRootless } from "../../../src/cli/runtime/rootless.ts";
import { translate, withLinux } from "./support.ts";

describe("the cgroups of a config", () => {
  const config = withLinux({ cgroupsPath: "/parent/web", resources: { memory: { limit: 4096 }, devices: [] } });

  it("are where it says, with rules for devices", () => {
    const { spec } = translate(config);
    expect(spec.cgroupsPath).toBe("/parent/web");
    expect(spec.resources?.devices).not.toEqual([]);
  });

  it("have no rules for devices when somebody without rights makes them", () => {
    expect(translate(config, { rootless: true }).spec.resources).toEqual({ memory: { limit: 4096 } });
  });

  it("are none with --cgroup-manager disabled, which says what is then not limited", () => {
    const { spec, warnings } = translate(config, { noCgroups: true });
    expect(spec).not.toHaveProperty("cgroupsPath");
    expect(spec).not.toHaveProperty("resources");
    expect(spec.cgroup).toEqual({ driver: "none" });
    expect(warnings).toEqual(["linux.resources: there are no limits without cgroups: memory"]);
  });
});

describe("who calls the runtime", () => {
  it("is what --rootless says", () => {
    expect(isRootless({ rootless: "true" })).toBe(true);
    expect(isRootless({ rootless: "false" })).toBe(false);
  });

  it("keeps containers where --root says", async () => {
    expect(await stateDirectory({ root: "/elsewhere" })).toBe("/elsewhere");
  });
});
