import { invalid } from "../errors.ts";
import type { DeviceRule, Resources } from "./resources.ts";
import { parseSize } from "./size.ts";

/** What the structure of limits does not tell: members against each other. */
export function checkResources({ memory, cpu, devices }: Resources): void {
  const { limit, swap } = memory ?? {};
  if (limit !== undefined && swap !== undefined && below(swap, limit)) {
    throw invalid("resources.memory.swap", swap, `at least memory.limit, ${limit}: it counts memory and swap together`);
  }
  if (limit !== undefined && bytes(limit) === 0)
    throw invalid("resources.memory.limit", limit, "a size from 1 on, or -1 for unlimited");
  const { quota, burst } = cpu ?? {};
  if (burst !== undefined && quota !== undefined && quota !== -1 && burst > quota) {
    throw invalid("resources.cpu.burst", burst, `at most cpu.quota, ${quota}`);
  }
  devices?.forEach((rule, index) => {
    checkDeviceRule(rule, `resources.devices[${index}]`);
  });
}

/** Of a container that is to be made: nothing can stand in for a member that is missing. */
export function checkNewResources(resources: Resources): void {
  checkResources(resources);
  const { limit, swap } = resources.memory ?? {};
  if (swap !== undefined && Number(swap) !== -1 && (limit === undefined || Number(limit) === -1)) {
    throw invalid("resources.memory.swap", swap, "memory.limit beside it, as it counts memory and swap together");
  }
}

const below = (a: number | string, b: number | string) => bytes(a) < bytes(b);
const bytes = (value: number | string) => (Number(value) === -1 ? Number.POSITIVE_INFINITY : parseSize(value, ""));

/** devices.rst of the kernel: "a" stands for all devices, whatever numbers are written behind it. */
function checkDeviceRule({ type = "a", major = -1, minor = -1 }: DeviceRule, member: string): void {
  if (type !== "a") return;
  const name = major !== -1 ? "major" : minor !== -1 ? "minor" : undefined;
  if (name === undefined) return;
  const hint = "a rule for one device says which type it has";
  throw invalid(`${member}.type`, "a", `"c" or "b" beside ${name}`, hint);
}
