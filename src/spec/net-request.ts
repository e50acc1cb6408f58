import type { NetlinkRequest } from "../linux/index.ts";
import type { NetPlace, NetStep, NetValue } from "./nics.ts";

/** A message as a step of a plan. */
export const request = (
  place: NetPlace,
  { message, fills }: NetlinkRequest<NetValue>,
  why: string,
  tolerate: readonly number[] = [],
): NetStep => ({
  do: "request",
  place,
  message,
  ...(fills.length > 0 ? { fills } : {}),
  ...(tolerate.length > 0 ? { tolerate } : {}),
  why,
});

/** The index of an interface, when the message is sent. */
export const indexOf = (link: string, place: NetPlace): { readonly later: NetValue } => ({ later: { link, place } });

/** The container's network namespace, or the host's. */
export const namespaceOf = (namespace: NetPlace): { readonly later: NetValue } => ({ later: { namespace } });
