import type { NicCommon } from "./nic-types.ts";

/** What the two kinds of user-mode networking have in common: a program sends on what the container sends, with the rights of whoever has started it. */
interface UserModeNic extends NicCommon {
  /** The container reaches the host's loopback, and so all that listens there, under the gateway's address. Default: false */
  readonly hostLoopback?: boolean;
  /** Path of the program. Default: the installed one */
  readonly program?: string;
  /** Further words for its command line. */
  readonly args?: readonly string[];
}

/**
 * The host's network without privileges, by pasta(1). Without `addresses` the container has those of the host's interface; connections that come in keep the
 * address that they are from.
 */
export interface PastaNic extends UserModeNic {
  readonly type: "pasta";
  /** The interface on the host whose addresses and routes are taken over. Default: the one with the default route */
  readonly device?: string;
}

/** The same by slirp4netns(1): slower, in a network of its own, for machines without pasta. */
export interface Slirp4netnsNic extends UserModeNic {
  readonly type: "slirp4netns";
  /** Default: "10.0.2.0/24", where the container is .100, the gateway .2 and the name server .3 */
  readonly network?: string;
  readonly ipv6?: boolean;
}
