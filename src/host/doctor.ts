import type { KernelFeatures } from "../linux/index.ts";
import type { Check } from "./check.ts";
import { kernelCalls, security } from "./doctor-kernel.ts";
import { idRanges, mountsInUserNamespaces, namespaces, userNamespaces } from "./doctor-namespaces.ts";
import { networks } from "./doctor-networks.ts";
import { filesystems, limits } from "./doctor-resources.ts";
import type { Facts } from "./facts.ts";

export type { Check } from "./check.ts";
export { whoForbids } from "./who-forbids.ts";

export interface HostFeatures {
  readonly kernel: KernelFeatures;
  readonly caller: { readonly uid: number; readonly gid: number; readonly privileged: boolean };
  /** Containers can be run here by this user. */
  readonly ok: boolean;
  readonly checks: readonly Check[];
}

/** What the facts mean for somebody who wants to run containers. */
export function diagnose(facts: Facts): HostFeatures {
  const { features, tried } = facts;
  const { uid, gid, privileged } = facts.caller;
  const checks = [
    userNamespaces(facts),
    ...mountsInUserNamespaces(facts),
    ...namespaces(facts),
    idRanges(facts),
    ...kernelCalls(facts),
    ...security(facts),
    ...limits(facts),
    ...filesystems(facts),
    ...networks(facts),
  ];
  const ok = privileged ? tried.mount === 0 : tried.userNamespace === 0 && tried.mountInUserNamespace === 0;
  return { kernel: features, caller: { uid, gid, privileged }, ok, checks };
}
