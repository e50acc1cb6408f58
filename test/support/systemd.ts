import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { type LayoutKind, readView } from "../../src/cgroup/index.ts";

/** Whether systemd runs this machine, which has such cgroups; says how to have one when it does not. */
export function bootedWithSystemd(kind: LayoutKind): boolean {
  const booted = existsSync("/run/systemd/system") && readView().layout.kind === kind;
  if (!booted) {
    console.warn(
      "SKIPPED: systemd does not run this machine (`npm run test:kernels bookworm systemd` boots one that it does)",
    );
  }
  return booted;
}

/** What systemd says of a unit. */
export function show(unit: string, ...names: readonly string[]): readonly string[] {
  const output = execFileSync("systemctl", ["show", unit, ...names.map((name) => `--property=${name}`)], {
    encoding: "utf8",
  });
  const values = new Map(output.split("\n").map((line) => [line.split("=")[0], line.slice(line.indexOf("=") + 1)]));
  return names.map((name) => values.get(name) ?? "unknown");
}
