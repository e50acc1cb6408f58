import { inInitialUserNamespace } from "../../host/index.ts";
import type { RuntimeGlobals } from "./globals.ts";

/** Whether the caller has no say over the machine's cgroups (runc, shouldUseRootlessCgroupManager). */
export function isRootless({ rootless = "auto" }: RuntimeGlobals): boolean {
  if (rootless !== "auto") return rootless === "true";
  return process.geteuid?.() !== 0 || !inInitialUserNamespace();
}
