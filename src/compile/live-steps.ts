import type { BlockBuilder } from "../program/index.ts";
import type { ContainerSpec, Device, Rlimit } from "../spec/index.ts";
import type { MountContext } from "./context.ts";
import type { EntryContext } from "./entry.ts";
import type { Resolved, ResolvedEntry, ResolvedMount } from "./resolved.ts";

/** What is to be changed in a container that runs. */
export type LiveChange =
  | { readonly do: "mount"; readonly mount: ResolvedMount }
  | { readonly do: "unmount"; readonly path: string; readonly detach: boolean }
  /** `bound`: the host's own device, where no node may be made. */
  | { readonly do: "addDevice"; readonly device: Device; readonly bound: boolean }
  | { readonly do: "removeDevice"; readonly path: string }
  | { readonly do: "setNames"; readonly names: Pick<ContainerSpec, "hostname" | "domainname"> }
  | { readonly do: "setSysctl"; readonly values: Readonly<Record<string, string>> }
  /** Process ids as they are where the change happens: in the container's pid namespace when that is entered. */
  | { readonly do: "setRlimits"; readonly pids: readonly number[]; readonly rlimits: readonly Rlimit[] };

export interface ResolvedChange extends ResolvedEntry, Pick<Resolved, "mounts" | "created" | "mountLabel"> {
  readonly change: LiveChange;
}

export interface ChangeContext extends EntryContext, MountContext {
  readonly resolved: ResolvedChange;
}

/** The parts of a change, in the order of their happening. */
export interface Steps {
  /** Opens what is wanted of the host. */
  readonly capture?: (block: BlockBuilder) => void;
  /** Remembers what is there, and makes what can be removed again. */
  readonly prepare?: (block: BlockBuilder) => void;
  /** What is undone is everything up to the attempt that failed. */
  readonly attempts: readonly {
    readonly act: (c: ChangeContext) => void;
    readonly undo?: (block: BlockBuilder) => void;
  }[];
}
