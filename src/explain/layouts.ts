/** Structures that system calls take, as far as a listing shows them. Little endian; the same on x86_64 and aarch64. */
import type { ArgType } from "./signatures.ts";

/** A name that ends in "?" is left out of a listing when the member is zero. */
export type Field = readonly [name: string, offset: number, width: 1 | 2 | 4 | 8, type: ArgType];

export type StructName =
  | "clone_args"
  | "mount_attr"
  | "open_how"
  | "cap_header"
  | "rlimit"
  | "landlock_ruleset_attr"
  | "landlock_path_beneath_attr"
  | "landlock_net_port_attr"
  | "winsize"
  | "int"
  | "fd_pair"
  | "sched_param"
  | "sched_attr"
  | "timespec"
  | "loop_config"
  | "loop_info64"
  | "ifreq_flags"
  | "seccomp_action"
  | "statfs";

export const LAYOUTS: Readonly<Record<StructName, readonly Field[]>> = {
  clone_args: [
    ["flags", 0, 8, "flags:CLONE"],
    ["pidfd?", 8, 8, "out"],
    ["child_tid?", 16, 8, "out"],
    ["parent_tid?", 24, 8, "out"],
    ["exit_signal", 32, 8, "one:SIG"],
    ["stack?", 40, 8, "ptr"],
    ["stack_size?", 48, 8, "hex"],
    ["tls?", 56, 8, "ptr"],
    ["set_tid?", 64, 8, "ptr"],
    ["set_tid_size?", 72, 8, "uint"],
    ["cgroup?", 80, 8, "fd"],
  ],
  mount_attr: [
    ["attr_set?", 0, 8, "flags:MOUNT_ATTR"],
    ["attr_clr?", 8, 8, "flags:MOUNT_ATTR"],
    ["propagation?", 16, 8, "flags:MS"],
    ["userns_fd?", 24, 8, "fd"],
  ],
  open_how: [
    ["flags", 0, 8, "flags:O"],
    ["mode?", 8, 8, "mode"],
    ["resolve?", 16, 8, "flags:RESOLVE"],
  ],
  cap_header: [
    ["version", 0, 4, "one:CAP_VERSION"],
    ["pid", 4, 4, "int"],
  ],
  rlimit: [
    ["rlim_cur", 0, 8, "rlim"],
    ["rlim_max", 8, 8, "rlim"],
  ],
  landlock_ruleset_attr: [
    ["handled_access_fs?", 0, 8, "flags:LANDLOCK_FS"],
    ["handled_access_net?", 8, 8, "flags:LANDLOCK_NET"],
    ["scoped?", 16, 8, "flags:LANDLOCK_SCOPE"],
  ],
  // Packed: the descriptor follows the rights at once.
  landlock_path_beneath_attr: [
    ["allowed_access", 0, 8, "flags:LANDLOCK_FS"],
    ["parent_fd", 8, 4, "fd"],
  ],
  landlock_net_port_attr: [
    ["allowed_access", 0, 8, "flags:LANDLOCK_NET"],
    ["port", 8, 8, "uint"],
  ],
  winsize: [
    ["ws_row", 0, 2, "uint"],
    ["ws_col", 2, 2, "uint"],
    ["ws_xpixel?", 4, 2, "uint"],
    ["ws_ypixel?", 6, 2, "uint"],
  ],
  int: [["", 0, 4, "int"]],
  fd_pair: [
    ["", 0, 4, "fd"],
    ["", 4, 4, "fd"],
  ],
  sched_param: [["sched_priority", 0, 4, "int"]],
  sched_attr: [
    ["sched_policy", 4, 4, "one:SCHED"],
    ["sched_flags?", 8, 8, "flags:SCHED_FLAG"],
    ["sched_nice?", 16, 4, "int"],
    ["sched_priority?", 20, 4, "uint"],
    ["sched_runtime?", 24, 8, "uint"],
    ["sched_deadline?", 32, 8, "uint"],
    ["sched_period?", 40, 8, "uint"],
  ],
  timespec: [
    ["tv_sec", 0, 8, "int"],
    ["tv_nsec", 8, 8, "int"],
  ],
  loop_config: [
    ["fd", 0, 4, "fd"],
    ["block_size?", 4, 4, "uint"],
    ["lo_offset?", 32, 8, "uint"],
    ["lo_sizelimit?", 40, 8, "uint"],
    ["lo_flags?", 60, 4, "flags:LO_FLAGS"],
  ],
  loop_info64: [
    ["lo_offset?", 24, 8, "uint"],
    ["lo_sizelimit?", 32, 8, "uint"],
    ["lo_flags?", 52, 4, "flags:LO_FLAGS"],
  ],
  ifreq_flags: [["ifr_flags", 16, 2, "flags:IFF"]],
  seccomp_action: [["", 0, 4, "one:SECCOMP_RET"]],
  statfs: [["f_type", 0, 8, "one:FS_MAGIC"]],
};
