import { invalid } from "../../errors.ts";
import type { DeviceRule } from "../../spec/index.ts";
import type { Settings } from "../index.ts";

const RULE = /^(a|c|b)(?:\s+(\d+|\*):(\d+|\*)(?:\s+([rwm]+))?)?$/;

/** devices.allow and devices.deny below `prefix`; undefined when there is none: then everything is allowed. */
export function deviceRules(settings: Settings, prefix: string): readonly DeviceRule[] | undefined {
  const rules = settings.below(`${prefix}devices.`).map(({ key, name, value }): DeviceRule => {
    const [, type, major = "*", minor = "*", access] = RULE.exec(value) ?? [];
    if (type === undefined || (name !== "allow" && name !== "deny")) {
      throw invalid(key, value, 'a rule such as "c 1:3 rwm" or "a" for lxc.cgroup.devices.allow or deny');
    }
    const allow = name === "allow";
    // All of them with all rights: it takes back what was said before it.
    if (type === "a") return { allow };
    return {
      allow,
      type: type === "c" ? "c" : "b",
      ...(major === "*" ? {} : { major: Number(major) }),
      ...(minor === "*" ? {} : { minor: Number(minor) }),
      ...(access === undefined ? {} : { access }),
    };
  });
  const [first] = rules;
  if (first === undefined) return undefined;
  // A container of LXC may use every device until something is said, and libct allows nothing that no rule allows.
  return first.type === undefined ? rules : [{ allow: true }, ...rules];
}
