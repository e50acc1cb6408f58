import type { ProcessSpec } from "./process-spec.ts";
import type { Resources } from "./resources.ts";
import { containerSchema } from "./schema.ts";
import { path } from "./schema-base.ts";
import { parse } from "./schema-parse.ts";
import { processSchema } from "./schema-process.ts";
import { resources as resourcesSchema } from "./schema-resources.ts";
import type { ContainerSpec } from "./types.ts";
import { checkCgroup } from "./validate-cgroup.ts";
import { checkIdMappings, checkUserIsMapped } from "./validate-idmaps.ts";
import { checkIntelRdt } from "./validate-intel-rdt.ts";
import { checkLifetime } from "./validate-lifetime.ts";
import { checkDevices, checkMounts } from "./validate-mounts.ts";
import { checkNamespaceNeeds, namespaceUse } from "./validate-namespaces.ts";
import { checkNetDevices } from "./validate-net-devices.ts";
import { checkNics } from "./validate-nics.ts";
import { checkPorts } from "./validate-ports.ts";
import { checkProcess } from "./validate-process.ts";
import { checkNewResources, checkResources } from "./validate-resources.ts";
import { checkMemoryPolicy } from "./validate-scheduling.ts";
import { checkSysctl } from "./validate-sysctl.ts";

/**
 * A container's description, checked as far as that is possible without a look at the machine. The result is a copy: what the caller does to his
 * object afterwards does not change it. Members that are `undefined` are left out.
 *
 * Throws LibctError ERR_CT_INVALID_SPEC with the path of the first member that is wrong, what was expected there, and mostly a hint.
 *
 * @example
 * validateSpec({ namespaces: ["net"] });
 * // invalid value "net": expected "user", "mount", "pid", "network", ... (namespaces[0]); hint: did you mean "network"?
 */
export function validateSpec(input: unknown): ContainerSpec {
  const spec = parse(containerSchema, input, "");
  const use = namespaceUse(spec);
  checkNamespaceNeeds(spec, use);
  for (const member of ["uidMappings", "gidMappings"] as const) {
    const map = spec[member];
    if (typeof map === "object") checkIdMappings(map, member);
  }
  if (spec.mounts) checkMounts(spec.mounts, use);
  if (spec.devices) checkDevices(spec.devices);
  if (spec.sysctl) checkSysctl(spec, use);
  if (spec.intelRdt) checkIntelRdt(spec.intelRdt);
  if (spec.netDevices) checkNetDevices(spec);
  if (spec.nics) checkNics(spec);
  if (spec.ports || spec.hosts) checkPorts(spec);
  if (spec.memoryPolicy) checkMemoryPolicy(spec.memoryPolicy);
  checkLifetime(spec);
  checkCgroup(spec);
  if (spec.resources) checkNewResources(spec.resources);
  if (spec.process) {
    checkProcess(spec.process, "process");
    checkUserIsMapped(spec);
  }
  return spec;
}

/** An absolute path, checked in the same way. */
export const validatePath = (input: unknown, member: string): string => parse(path, input, member);

/**
 * A process's description, checked in the same way; `member` is what errors call it. To be given the process with the container's defaults already
 * in it, as members depend on each other (landlock on noNewPrivileges).
 */
export function validateProcess(input: unknown, member = "process"): ProcessSpec {
  const process = parse(processSchema, input, member);
  checkProcess(process, member);
  return process;
}

/** Limits, checked in the same way: those of a new container are part of its description, these are changes for one that runs. */
export function validateResources(input: unknown): Resources {
  const resources = parse(resourcesSchema, input, "resources");
  checkResources(resources);
  return resources;
}
