import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";

/** Whether systemd runs this machine; says how to have one when it does not. */
export function bootedWithSystemd(): boolean {
  const booted = existsSync("/run/systemd/system");
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
