import { capabilityNumber } from "../linux/index.ts";
import type { CapabilitySets } from "../spec/index.ts";

/** Names as people write them ("net_admin", "CAP_NET_ADMIN") as the kernel's, and the words that are none. */
export function capabilityNames(words: readonly string[]): {
  readonly names: readonly string[];
  readonly unknown: readonly string[];
} {
  const named = words.map((word) => {
    const upper = word.toUpperCase();
    return [word, upper.startsWith("CAP_") ? upper : `CAP_${upper}`] as const;
  });
  const known = ([, name]: readonly [string, string]) => capabilityNumber(name) !== undefined;
  return {
    names: named.filter(known).map(([, name]) => name),
    unknown: named.filter((one) => !known(one)).map(([word]) => word),
  };
}

/** What a first process with this bounding set has: all of it as root, and nothing as anybody else (capabilities(7), "Effect of user ID changes"). */
export function setsOf(names: readonly string[], root: boolean): CapabilitySets {
  return { bounding: names, effective: root ? names : [], permitted: root ? names : [], inheritable: [], ambient: [] };
}

export const withoutCapabilities = (all: readonly string[], dropped: readonly string[]): readonly string[] =>
  all.filter((name) => !dropped.includes(name));
