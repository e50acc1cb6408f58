import type { KernelFeatures } from "../linux/index.ts";
import type { HostStep } from "./net-host-steps.ts";
import type { NetProcess, NetQuestion } from "./net-process.ts";
import type { NicCommon } from "./nic-types.ts";
import type { PublishedPort } from "./ports.ts";

/** Where a request about interfaces is made: in the host's network namespace, which is the application's, or in the container's. */
export type NetPlace = "host" | "container";

/** A number that is known only when the program runs: a descriptor of a network namespace, or the index of the interface that has this name then. */
export type NetValue = { readonly namespace: NetPlace } | { readonly link: string; readonly place: NetPlace };

/** Where such a number goes in a message (u32, the machine's byte order). */
export interface NetFill {
  /** Bytes from the start of the message. */
  readonly at: number;
  readonly value: NetValue;
}

/** A transaction of nf_tables: all messages from the batch's beginning to its end. The last one before the end is acknowledged. */
export interface NetTransaction {
  readonly do: "nftables";
  /** Default: the host's network namespace */
  readonly place?: NetPlace;
  readonly batch: Uint8Array;
  /** A question: when the kernel answers it, and does not say that there is no such thing, nothing is to be done. */
  readonly unless?: Uint8Array;
  readonly tolerate?: readonly number[];
  readonly why: string;
}

/** One thing that the monitor does for an interface, with the rights of the caller. */
export type NetStep =
  /** A message of rtnetlink(7) that asks for an acknowledgement. */
  | {
      readonly do: "request";
      readonly place: NetPlace;
      readonly message: Uint8Array;
      readonly fills?: readonly NetFill[];
      /** Errnos that are as good as success. */
      readonly tolerate?: readonly number[];
      /** What is done in its place when the kernel says one of these errnos. */
      readonly otherwise?: { readonly on: readonly number[]; readonly step: NetTransaction };
      readonly why: string;
    }
  | NetTransaction
  /**
   * A write lock on one byte of a file (F_OFD_SETLK in fcntl(2)), held by the monitor as long as the container is there: the kernel takes it back however the
   * monitor ends. EAGAIN when somebody else has it.
   */
  | {
      readonly do: "lock";
      readonly path: string;
      readonly byte: number;
      /** The file, and the directory that it is in, are made when they are not there. */
      readonly create?: boolean;
      /** All bytes from that one on. */
      readonly all?: true;
      readonly why: string;
    }
  /** A socket that is bound and never used, held by the monitor as long as the container is there: nobody else gets the port. */
  | {
      readonly do: "bind";
      readonly protocol: "tcp" | "udp" | "sctp";
      /** As bytes: 4 or 16. */
      readonly address: Uint8Array;
      readonly port: number;
      readonly why: string;
    }
  /** Writes a file under /proc/sys/net of the place's namespace: "net.ipv4.ip_forward", or with slashes when a part has dots of its own. */
  | {
      readonly do: "sysctl";
      readonly place: NetPlace;
      readonly key: string;
      readonly value: string;
      readonly why: string;
    }
  /** Writes bytes at a place of a file of the host's, which is made when it is not there and `create` says its mode. */
  | {
      readonly do: "put";
      readonly path: string;
      readonly at: number;
      readonly content: Uint8Array;
      readonly create?: number;
      readonly why: string;
    }
  /**
   * Sends the transaction of nf_tables that a file holds, and removes the file; one that is not there is no error. What the transaction takes away may be gone
   * already, or be somebody else's by now, and then it is left alone.
   */
  | { readonly do: "undo"; readonly path: string; readonly why: string }
  /** Looks up the interface of this name, so that `tearDown` speaks of this one, and of none when it never was there: another one may have its name by then. */
  | { readonly do: "find"; readonly place: NetPlace; readonly name: string; readonly why: string }
  /** Fails with EEXIST when there is an interface of this name. */
  | { readonly do: "absent"; readonly place: NetPlace; readonly name: string; readonly why: string }
  /** Fails with ENOTUNIQ when the interface of this name has another MAC address, and so is another one; that there is none is no error. */
  | {
      readonly do: "recognize";
      readonly place: NetPlace;
      readonly name: string;
      readonly mac: Uint8Array;
      readonly why: string;
    }
  /**
   * Keeps the container's namespace there when its monitor is killed, by a bind mount at `path`, until it is known that nothing in it is needed any more.
   * `content` is written to `path`.json, which the monitor has a lock on: who gets that does what is left to do (`host.repair()`).
   */
  | { readonly do: "keep"; readonly path: string; readonly content: string; readonly why: string }
  /** Writes the index that an interface has in the container behind the content of the last "keep": whoever is in there may give it another name. */
  | { readonly do: "remember"; readonly name: string; readonly at: number; readonly why: string }
  /** In `tearDown`: fails with ENOTUNIQ, and leaves the rest of that interface's out, when another one has the index that was remembered. */
  | { readonly do: "verify"; readonly name: string; readonly why: string }
  /** The end of "keep", unless the interface, by its index, is still in the container's namespace. */
  | { readonly do: "release"; readonly path: string; readonly name: string; readonly why: string }
  /** Makes an interface of tun(4) in the container's namespace that stays when nobody has it open. */
  | {
      readonly do: "tun";
      readonly name: string;
      readonly kind: "tun" | "tap";
      /** Ids in the container. */
      readonly uid?: number;
      readonly gid?: number;
      readonly multiQueue?: boolean;
      readonly why: string;
    }
  | NetProcess
  | NetQuestion
  | HostStep;

/** What an interface of a container takes: all of it is data, so that `ct explain` shows it and the monitor does it, also the undoing when the application is gone. */
export interface NicPlan {
  /**
   * When the container's network namespace exists, before its command is executed; in this order, but for "lock" and "bind", which come first of all, before
   * anything is made.
   */
  readonly setUp: readonly NetStep[];
  /** The side of it that stays on the host, if one does. */
  readonly outside?: string;
  /** What of the members that every interface has `setUp` sees to itself. */
  readonly sees?: readonly ("mac" | "mtu" | "txQueueLength" | "up" | "addresses" | "defaultRoute")[];
  /**
   * When the container has ended, however it did, each one whatever became of those before. What the kernel removes with the namespace or with the monitor
   * (a veth, a lock, a bound socket) needs nothing here.
   */
  readonly tearDown?: readonly NetStep[];
  /** The container's namespace must be there for `tearDown`: the monitor keeps it open. */
  readonly keepsNamespace?: boolean;
  /**
   * What the application does at each `ask` of `setUp`, while the container waits: `status` is that of the last program that was executed, as wait4(2) gives it,
   * or TIMED_OUT. When it throws, the container is not made.
   */
  readonly answer?: (question: number, status: number) => void | Promise<void>;
}

/** A plan, and the member of the specification that it is for. */
export interface PlannedNic extends NicPlan {
  readonly member: string;
}

export interface NicContext {
  /** The interface's name in the container. */
  readonly name: string;
  /** For errors: "nics.eth0". */
  readonly member: string;
  /** A name that no other interface on the host has, for the side of it that stays there: at most 15 bytes. */
  readonly hostName: string;
  /** Such a name for messages alone, and for "find": it is drawn when the program runs, so that equal containers have equal programs. */
  readonly drawnName: string;
  readonly containerName: string;
  readonly features: KernelFeatures;
  /** What is wanted of it as of every interface. */
  readonly nic: NicCommon;
  /** For others who keep notes of the container: no other one has it. Letters, digits, "_", "." and "-". */
  readonly containerId: string;
  /** Where what belongs to running containers of this user is written down. */
  readonly stateDirectory: string;
  /** Ports of the host's that lead to the container by this interface. */
  readonly ports: readonly PublishedPort[];
  /** A directory of the user's own, for sockets. */
  readonly runtime: string;
  /** Whoever makes the container has all rights over the host's network. */
  readonly privileged: boolean;
  /** The container may be started again by its monitor, which then makes the interface anew. */
  readonly restarts: boolean;
}

/**
 * Makes an interface of a container. `plan` may look at the host (and should refuse what cannot work, with a clear error), but it changes nothing. What every
 * interface has (MAC, MTU, addresses, routes, up) is added by libct afterwards, in the container's namespace.
 */
export interface NicDriver {
  readonly type: string;
  plan(context: NicContext): NicPlan | Promise<NicPlan>;
}
