import { type ErrorCode, LibctError } from "../errors.ts";
import type { Failure } from "../executor/index.ts";
import { E, errnoName } from "../linux/index.ts";
import { describeOp, type Program } from "../program/index.ts";

/** The error that a failed operation of a program means to the user. */
export function failureError(program: Program, failure: Failure): LibctError {
  const op = describeOp(program, failure.block, failure.op);
  const errno = errnoName(failure.errno);
  const details = { syscall: op.syscall, errno, path: op.path, member: op.member || undefined };
  if (op.member === "process.args[0]") return commandError(op.why ?? op.text, failure.errno, details);
  const what = op.why && !op.text.includes(op.why) ? `${op.why}: ${op.text}` : op.text;
  return new LibctError("ERR_CT_SYSCALL", `${what}: ${errno}`, {
    ...details,
    hint: hintFor(op.syscall, op.member, failure.errno),
  });
}

function commandError(
  text: string,
  errno: number,
  details: { readonly syscall: string | undefined; readonly path: string | undefined },
): LibctError {
  const notFound = errno === E.ENOENT || errno === E.ENOTDIR;
  const code: ErrorCode = notFound ? "ERR_CT_COMMAND_NOT_FOUND" : "ERR_CT_COMMAND_NOT_EXECUTABLE";
  const name = errnoName(errno);
  const hint =
    details.syscall !== undefined && notFound
      ? "the file, the interpreter after #!, or the dynamic loader is missing in the container's root"
      : undefined;
  const message = notFound ? `command not found: ${text}: ${name}` : `command cannot be executed: ${text}: ${name}`;
  return new LibctError(code, message, { ...details, errno: name, member: "process.args[0]", hint });
}

/** Ways out of the failures that users meet most. */
function hintFor(syscall: string | undefined, member: string, errno: number): string | undefined {
  if (syscall === "clone3" || syscall === "clone" || syscall === "unshare") return spawnHint(errno);
  if (member.startsWith("uidMappings") || member.startsWith("gidMappings")) {
    return "an ordinary user may map the own id, and the ranges of /etc/subuid and /etc/subgid";
  }
  if (syscall === "pivot_root" && errno === E.EINVAL) return 'the host may run on an initramfs: use rootMode "move"';
  if (syscall === "mount" && errno === E.EPERM) {
    return "the kernel refuses this mount here: inside a container the outer one must allow it (its seccomp filter, AppArmor profile or masked /proc)";
  }
  if (syscall === "prctl" && errno === E.EPERM)
    return "changing the bounding set needs CAP_SETPCAP: add a user namespace";
  if (syscall === "prlimit64" && errno === E.EPERM) return "a hard limit can only be raised with CAP_SYS_RESOURCE";
  return undefined;
}

function spawnHint(errno: number): string | undefined {
  if (errno === E.EPERM) {
    return "somebody forbids user namespaces: the sysctls kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns, or an outer container's seccomp filter; `ct doctor` tells which";
  }
  if (errno === E.ENOSPC || errno === E.EUSERS) return "the limit of namespaces is reached: see /proc/sys/user";
  if (errno === E.EAGAIN) return "the limit of processes is reached: see RLIMIT_NPROC and the pids cgroup";
  return undefined;
}
