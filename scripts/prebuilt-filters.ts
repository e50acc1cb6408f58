import { compileSeccomp } from "../src/compile/seccomp.ts";
import { defaultSeccomp, defaultSeccompKey } from "../src/compile/seccomp-default.ts";
import { DEFAULT_CAPABILITIES } from "../src/spec/index.ts";

/** The default profile's filters for the usual sets of capabilities, in base64. */
export function prebuiltFilters(): Readonly<Record<string, string>> {
  const kernel = { major: 6, minor: 0 };
  const filters: Record<string, string> = {};
  for (const arch of ["x86_64", "aarch64"] as const) {
    for (const capabilities of [DEFAULT_CAPABILITIES, []]) {
      const { filter } = compileSeccomp(defaultSeccomp(arch, capabilities, kernel), arch);
      filters[defaultSeccompKey(arch, capabilities, kernel)] = Buffer.from(filter).toString("base64");
    }
  }
  return filters;
}
