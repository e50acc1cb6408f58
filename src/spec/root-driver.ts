/** Where a root driver builds, and what it may know. */
export interface RootContext {
  /** A directory that each container sees a mount of its own at; empty on the host. */
  readonly scratch: string;
  readonly uid: number;
  /** The mounts are made in a new user namespace. */
  readonly userNamespace: boolean;
  readonly overlayInUserNamespace: boolean;
  /** The kernel can change a whole tree of mounts; otherwise a bind step must tell its `tree`. */
  readonly mountSetattr: boolean;
  readonly readonly: boolean;
}

/** The mounts of a bound tree: kernels without mount_setattr(2) change them one by one, and must be told the flags (MS_*) that each has and keeps. */
export interface MountTree {
  readonly flags: number;
  /** Paths from the tree's top on: "/home" */
  readonly below: readonly { readonly path: string; readonly flags: number }[];
}

/** One step of building a root; they run in the container's mount namespace, before it is entered. */
export type RootStep =
  | {
      readonly do: "mount";
      readonly source: string;
      readonly target: string;
      readonly type: string;
      readonly flags?: number;
      readonly data?: string;
    }
  | {
      readonly do: "bind";
      readonly source: string;
      readonly target: string;
      readonly recursive: boolean;
      readonly readonly?: boolean;
      readonly tree?: MountTree;
    }
  | { readonly do: "mkdir"; readonly path: string; readonly mode: number }
  /** A file, without `content` an empty one as a target for a bind mount. */
  | { readonly do: "file"; readonly path: string; readonly content?: string }
  | { readonly do: "symlink"; readonly path: string; readonly target: string }
  /** The paths of the steps that follow may begin here. The last step goes back to "/". */
  | { readonly do: "chdir"; readonly path: string }
  /** A filesystem in a file, attached to a loop device that goes away with the mount. */
  | {
      readonly do: "image";
      readonly file: string;
      readonly target: string;
      readonly type: string;
      readonly readonly: boolean;
    }
  /** A helper that mounts and then puts itself into the background, such as fuse-overlayfs. It is killed with the container. */
  | { readonly do: "helper"; readonly args: readonly string[] };

export interface RootPlan {
  /** The directory that becomes "/"; must be a mount point after the steps. */
  readonly path: string;
  readonly steps: readonly RootStep[];
  /** Directories on the host that the steps make and the container's monitor removes when it has ended, in this order, if they are empty by then. */
  readonly emptied?: readonly string[];
  /** An overlay's work directory on the host: it is removed with the container's record at the latest. */
  readonly work?: string;
}

/**
 * A private filesystem. `plan` may look at the host (and should refuse what cannot work, with a clear error), but it mounts nothing itself: it returns
 * the steps, so that they run in the container's mount namespace and vanish with it.
 */
export interface RootDriver {
  readonly type: string;
  plan(context: RootContext): RootPlan | Promise<RootPlan>;
  /** Called when the container is gone: remove what `plan` made on the host. */
  release?(): void | Promise<void>;
}
