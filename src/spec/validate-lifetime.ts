import { invalid } from "../errors.ts";
import type { ContainerSpec } from "./types.ts";

/** What only makes sense for a container that outlives its application, and the other way round. */
export function checkLifetime(spec: ContainerSpec): void {
  if (spec.lifetime === "orphan" && spec.healthcheck !== undefined) {
    const hint = "whoever adopts the container looks after it";
    throw invalid("healthcheck", spec.healthcheck, 'nothing with lifetime "orphan"', hint);
  }
  if (spec.lifetime === "host") {
    checkRestart(spec);
    return;
  }
  for (const member of ["restart", "log"] as const) {
    if (spec[member] === undefined) continue;
    throw invalid(
      member,
      spec[member],
      "nothing, since the container ends with its application",
      'set lifetime to "host"',
    );
  }
}

function checkRestart({ restart, autoRemove }: ContainerSpec): void {
  if (restart === undefined || restart.policy === "no") return;
  if (autoRemove) throw invalid("autoRemove", true, "false, since the container is to be started again");
  if (restart.policy === "always" && restart.maximumRetryCount) {
    throw invalid(
      "restart.maximumRetryCount",
      restart.maximumRetryCount,
      'nothing with the policy "always"',
      'use "on-failure"',
    );
  }
}
