import { type LinkSettings, parseMac } from "../linux/index.ts";
import type { NetValue, NicCommon } from "../spec/index.ts";
import { indexOf, namespaceOf } from "./request.ts";

type Settings = Pick<NicCommon, "mac" | "mtu" | "txQueueLength">;

/** What an interface can be born with. */
export function bornWith({ mac, mtu, txQueueLength }: Settings): LinkSettings<NetValue> {
  const address = mac === undefined ? undefined : parseMac(mac);
  return {
    ...(address ? { mac: address } : {}),
    ...(mtu === undefined ? {} : { mtu }),
    ...(txQueueLength === undefined ? {} : { txQueueLength }),
  };
}

/** An interface that is made from the host, perhaps on one of the host's, and is in the container from its first moment on: no name can be in its way. */
export const bornInContainer = (name: string, settings: Settings, link?: string): LinkSettings<NetValue> => ({
  name,
  ...bornWith(settings),
  ...(link === undefined ? {} : { link: indexOf(link, "host") }),
  namespace: namespaceOf("container"),
});
