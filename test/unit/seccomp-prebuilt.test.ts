import { expect, it } from "vitest";
import { prebuiltFilters } from "../../scripts/prebuilt-filters.ts";
import { compileSeccomp } from "../../src/compile/seccomp.ts";
import { defaultSeccomp } from "../../src/compile/seccomp-default.ts";
import { compileDefaultSeccomp } from "../../src/compile/seccomp-prebuilt.ts";
import { PREBUILT_FILTERS } from "../../src/compile/seccomp-prebuilt-filters.ts";
import { DEFAULT_CAPABILITIES } from "../../src/spec/index.ts";

it("the filters compiled beforehand are those of the profile as it is now (else: bun scripts/generate-filters.ts)", () => {
  expect(PREBUILT_FILTERS).toEqual(prebuiltFilters());
});

it.each([
  ["the default capabilities", DEFAULT_CAPABILITIES, { major: 6, minor: 1 }],
  ["none", [], { major: 5, minor: 10 }],
  ["unusual ones", ["CAP_SYS_ADMIN"], { major: 6, minor: 1 }],
  ["an old kernel", [], { major: 4, minor: 4 }],
])("the default filter is the same with and without a shortcut: %s", (_, capabilities, kernel) => {
  const slow = compileSeccomp(defaultSeccomp("x86_64", capabilities, kernel), "x86_64");
  expect(compileDefaultSeccomp("x86_64", capabilities, kernel)).toMatchObject({
    filter: slow.filter,
    flags: slow.flags,
    notify: false,
  });
});
