import type { Arch } from "../linux/index.ts";
import type { ContainerSpec, ProcessSpec } from "../spec/index.ts";

/** What a configuration of another program asks for and is not done as it says. */
export interface Note {
  readonly key: string;
  readonly value: string;
  /** File and line. */
  readonly where: string;
  /** "changed": it is done, but otherwise. */
  readonly effect: "ignored" | "changed";
  readonly reason: string;
}

/** A container of another program in libct's own terms. Nothing of its configuration is dropped in silence: what is not in `spec` or `process` is in `notes`. */
export interface Imported {
  readonly flavour: "lxc" | "openvz" | "nspawn" | "oci";
  readonly name: string;
  /** For `host.create`. */
  readonly spec: ContainerSpec;
  /** For `container.start`: what the other program would execute. */
  readonly process: ProcessSpec;
  readonly notes: readonly Note[];
}

export interface DeviceNode {
  readonly type: "c" | "b";
  readonly major: number;
  readonly minor: number;
}

/** All that translating a configuration may know of the machine. */
export interface ImportContext {
  /** The container's name. */
  readonly name: string;
  readonly arch: Arch;
  /** The caller needs no user namespace to make containers. */
  readonly privileged: boolean;
  /** The text of a file; undefined when there is none. */
  read(path: string): string | undefined;
  /** The names in a directory; undefined when there is none. */
  list(path: string): readonly string[] | undefined;
  kind(path: string): "file" | "directory" | "block" | "other" | undefined;
  /** The owner of a file. */
  owner(path: string): number | undefined;
  device(path: string): DeviceNode | undefined;
  /** What a container may be given: in a user namespace of its own all that the kernel has, without one what the caller has. */
  capabilities(userNamespace: boolean): readonly string[];
  /** The version of the cgroups that set limits here. */
  readonly cgroup: 1 | 2;
  /** The kernel knows this type of filesystem. */
  hasFilesystem(type: string): boolean;
  readonly apparmor: boolean;
  readonly selinux: boolean;
  /** The first address of an interface of the host. */
  addressOf(link: string, family: 4 | 6): string | undefined;
  /** A variable of the caller's environment. */
  env(name: string): string | undefined;
}
