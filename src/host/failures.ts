import { type ErrorCode, LibctError } from "../errors.ts";
import type { Failure } from "../executor/index.ts";
import { describeOp, type OpDescription } from "../explain/index.ts";
import { decodeAcknowledgement, decodeMessages, E, errnoName, NFNL_SUBSYS_NFTABLES } from "../linux/index.ts";
import type { Program } from "../program/index.ts";
import { CALL_HINTS, NET_DEVICE_HINTS, NIC_CALL_HINTS, NIC_HINTS, RULE_HINTS } from "./call-hints.ts";
import { readObstacles } from "./facts.ts";
import { netProcessFailure } from "./net-process-failure.ts";
import { whoForbids } from "./who-forbids.ts";

/** The error that a failed operation of a program means to the user. `answer` is the kernel's to a request about the network, `said` are words of a program that has failed. */
export function failureError(program: Program, failure: Failure, answer?: Uint8Array, said?: string): LibctError {
  const op = describeOp(program, failure.block, failure.op);
  if (answer && failure.errno === E.EIO && op.syscall === undefined) return networkError(op, answer);
  const errno = errnoName(failure.errno);
  const details = { syscall: op.syscall, errno, path: op.path, member: op.member || undefined };
  if (op.member === "process.args[0]") return commandError(op.why ?? op.text, failure.errno, details);
  if (/CLONE_NEWUSER/.test(op.text)) return userNamespaceError(failure.errno, details);
  if (said !== undefined && /^(nics|ports)/.test(op.member)) return netProcessFailure(op.why ?? op.text, said, details);
  const what = op.why && !op.text.includes(op.why) ? `${op.why}: ${op.text}` : op.text;
  return new LibctError("ERR_CT_SYSCALL", `${what}: ${errno}`, { ...details, hint: hintFor(op, failure.errno) });
}

/** Of a request about the network: the kernel's own number, and its reason in words where it gives one. */
function networkError({ why = "", member }: OpDescription, answer: Uint8Array): LibctError {
  const [message] = decodeMessages(answer);
  const said = message && decodeAcknowledgement(message);
  const errno = errnoName(said?.errno ?? E.EIO);
  const reason = said?.text === undefined ? "" : ` (${said.text})`;
  const rules = message?.payload[REQUEST_SUBSYSTEM] === NFNL_SUBSYS_NFTABLES ? RULE_HINTS.get(errno) : undefined;
  const hint = rules ?? (member.startsWith("netDevices") ? NET_DEVICE_HINTS : NIC_HINTS).get(errno);
  return new LibctError("ERR_CT_SYSCALL", `cannot ${why}: ${errno}${reason}`, {
    syscall: "netlink",
    errno,
    member: member || undefined,
    hint,
  });
}

/** Where the answer has the high byte of the request's type: struct nlmsgerr, whose msg.nlmsg_type is at 8. */
const REQUEST_SUBSYSTEM = 9;

type Details = Pick<LibctError, "syscall" | "errno" | "path" | "member">;

/** Ways out, where there is one, by what execve(2) says. */
const COMMAND_HINTS = new Map<number, string>([
  [E.ENOENT, "the file, the interpreter after #!, or the dynamic loader is missing in the container's root"],
  [E.ENOTDIR, "a part of the path is not a directory"],
  [
    E.EACCES,
    "the file needs permission to be executed (chmod +x), on a mount without noexec, in directories that the user may enter",
  ],
  [E.ENOEXEC, "a script needs a first line with #!, and a program must be one for this machine's architecture"],
  [E.EAGAIN, "the user's limit of processes is reached: see RLIMIT_NPROC"],
]);

function commandError(text: string, errno: number, details: Details): LibctError {
  const notFound = errno === E.ENOENT || errno === E.ENOTDIR;
  const code: ErrorCode = notFound ? "ERR_CT_COMMAND_NOT_FOUND" : "ERR_CT_COMMAND_NOT_EXECUTABLE";
  // Without a system call the whole PATH was searched: the message says it all.
  const hint = details.syscall === undefined ? undefined : COMMAND_HINTS.get(errno);
  const message = notFound ? `command not found: ${text}` : `command cannot be executed: ${text}`;
  return new LibctError(code, `${message}: ${errnoName(errno)}`, { ...details, hint });
}

function userNamespaceError(errno: number, details: Details): LibctError {
  if (errno === E.EAGAIN) {
    return new LibctError("ERR_CT_SYSCALL", "no further process can be made: EAGAIN", {
      ...details,
      hint: PROCESS_HINT,
    });
  }
  const landlock = 'the sandbox needs none with isolation "landlock"';
  return new LibctError("ERR_CT_NOT_PERMITTED", `user namespaces cannot be made here: ${errnoName(errno)}`, {
    ...details,
    hint: `${whoForbids(readObstacles(), errno)}; ${landlock}`,
  });
}

const PROCESS_HINT = "the limit of processes is reached: see RLIMIT_NPROC and the pids cgroup";

/** Ways out of the failures that users meet most. */
function hintFor({ syscall, member, text }: OpDescription, errno: number): string | undefined {
  if (syscall === "clone3" || syscall === "clone" || syscall === "unshare") return SPAWN_HINTS.get(errno);
  if (member.startsWith("uidMappings") || member.startsWith("gidMappings")) {
    return "an ordinary user may map the own id, and the ranges of /etc/subuid and /etc/subgid";
  }
  if (member === "process.cwd")
    return errno === E.EXDEV ? LINK_HINT : "the directory must exist in the container and be open to the user";
  if (errno === E.EXDEV) return LINK_HINT;
  if (syscall === "mount" || syscall === "move_mount") return mountHint(syscall, member, errno);
  if (errno === E.EROFS && /^mounts/.test(member))
    return "the mount target does not exist, and the root is read-only: make it beforehand";
  if (member === "process.user" && errno === E.EINVAL)
    return `id ${/\d+/.exec(text.replace(/^\w+/, ""))?.[0] ?? ""} is not mapped in the user namespace: see uidMappings and gidMappings`;
  if (/^(resources|cgroup)/.test(member)) return cgroupHint(syscall, errno);
  if (member.startsWith("intelRdt")) return RESCTRL_HINT;
  if (/^(nics|ports)/.test(member))
    return NIC_CALL_HINTS.get(`${syscall} ${errnoName(errno)}`) ?? NIC_HINTS.get(errnoName(errno));
  if (member.startsWith("netDevices")) return NET_DEVICE_HINTS.get(errnoName(errno));
  if (syscall === "pivot_root" && errno === E.EINVAL) return 'the host may run on an initramfs: use rootMode "move"';
  // Of a container that runs the member would be another one.
  if (syscall === "umount2" && member === "root") return MOVED_ROOT_HINT;
  if (syscall === "prctl" && errno === E.EPERM)
    return "changing the bounding set needs CAP_SETPCAP: add a user namespace";
  if (syscall === "prlimit64" && errno === E.EPERM) return "a hard limit can only be raised with CAP_SYS_RESOURCE";
  return CALL_HINTS.get(`${syscall} ${errnoName(errno)}`);
}

function cgroupHint(syscall: string | undefined, errno: number): string {
  if (syscall === "mkdirat" && errno === E.EEXIST)
    return "another container has that cgroupsPath: choose another, or remove it with rmdir(1)";
  if (syscall === "openat" && errno === E.ENOENT) return "this kernel's controller does not have that file";
  if (syscall === "bpf" && errno === E.EPERM)
    return "rules for devices take root's own rights with cgroups of version 2 (CAP_BPF and CAP_NET_ADMIN)";
  if (errno === E.EBUSY) return "the cgroup has processes of its own, or others below it in use";
  return "the cgroup does not take it: the value may be below what is used, or above what a parent allows";
}

const RESCTRL_HINT =
  "why it is refused stands in info/last_cmd_status of the resctrl filesystem (usually /sys/fs/resctrl)";

const MOVED_ROOT_HINT =
  'below a moved root no whole procfs or sysfs may stay, and this one lies where the user may not go, or is hidden by another mount: use rootMode "pivot"';

const LINK_HINT = "a symbolic link of the container's root leads there, which may be an attack";

const SPAWN_HINTS = new Map<number, string>([
  [E.EPERM, 'only root can make other namespaces without a user namespace: add "user" to namespaces'],
  [E.ENOSPC, "the limit of namespaces is reached: see /proc/sys/user"],
  [E.EAGAIN, PROCESS_HINT],
]);

function mountHint(syscall: string, member: string, errno: number): string | undefined {
  if (errno === E.EPERM) {
    return "the kernel refuses this mount here: inside a container the outer one must allow it (its seccomp filter, AppArmor profile or masked /proc)";
  }
  if (errno === E.ENODEV) return "the kernel does not know this type of filesystem";
  if (errno === E.ENOTDIR || (errno === E.EINVAL && syscall === "move_mount")) {
    return "a directory can only be mounted on a directory, and a file on a file";
  }
  if (errno === E.EINVAL && member.startsWith("mounts")) {
    return "the filesystem does not take one of the options; the kernel's log mostly says which (dmesg)";
  }
  return undefined;
}
