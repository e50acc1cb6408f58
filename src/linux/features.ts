/** What the compiler asks of a kernel. A plain value: probed on this machine, or made up for another (`kernelFeatures("4.19")`). */
export interface KernelFeatures {
  /** uname -r */
  readonly release: string;
  readonly major: number;
  readonly minor: number;
  readonly clone3: boolean;
  /** clone3(2) with CLONE_INTO_CGROUP */
  readonly cloneIntoCgroup: boolean;
  /** open_tree(2) and move_mount(2) */
  readonly openTree: boolean;
  /** fsopen(2), fsconfig(2), fsmount(2) */
  readonly fsopen: boolean;
  readonly mountSetattr: boolean;
  /** close_range(2) with CLOSE_RANGE_CLOEXEC */
  readonly closeRange: boolean;
  readonly loopConfigure: boolean;
  readonly timeNamespace: boolean;
  readonly cgroupNamespace: boolean;
  readonly ambientCapabilities: boolean;
  /** overlayfs can be mounted in a user namespace */
  readonly overlayInUserNamespace: boolean;
  /** 0: none */
  readonly landlockAbi: number;
  /** Number of the last capability */
  readonly lastCapability: number;
}

/** The features of a mainline kernel release such as "5.10" or "6.1.0-13-amd64", by when each was merged. */
export function kernelFeatures(release: string): KernelFeatures {
  const match = /^(\d+)\.(\d+)/.exec(release);
  if (!match) throw new RangeError(`not a kernel release: ${release}`);
  const major = Number(match[1]);
  const minor = Number(match[2]);
  const since = (atMajor: number, atMinor: number) => major > atMajor || (major === atMajor && minor >= atMinor);
  return {
    release,
    major,
    minor,
    clone3: since(5, 3),
    cloneIntoCgroup: since(5, 7),
    openTree: since(5, 2),
    fsopen: since(5, 2),
    mountSetattr: since(5, 12),
    closeRange: since(5, 11),
    loopConfigure: since(5, 8),
    timeNamespace: since(5, 6),
    cgroupNamespace: since(4, 6),
    ambientCapabilities: since(4, 3),
    overlayInUserNamespace: since(5, 11),
    landlockAbi: landlockAbi(since),
    lastCapability: since(5, 9) ? 40 : since(5, 8) ? 39 : 37,
  };
}

/** Whether the kernel is of this release or a later one. */
export const isSince = ({ major, minor }: KernelFeatures, atMajor: number, atMinor: number): boolean =>
  major > atMajor || (major === atMajor && minor >= atMinor);

/** landlock(7), "VERSIONS" */
function landlockAbi(since: (major: number, minor: number) => boolean): number {
  if (since(6, 15)) return 7;
  if (since(6, 12)) return 6;
  if (since(6, 10)) return 5;
  if (since(6, 7)) return 4;
  if (since(6, 2)) return 3;
  if (since(5, 19)) return 2;
  return since(5, 13) ? 1 : 0;
}
