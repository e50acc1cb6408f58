import { LibctError } from "../../errors.ts";

/** Members of a ContainerSpec that lie in `linux`, under the same name. */
const IN_LINUX =
  /^(namespaces|uidMappings|gidMappings|timeOffsets|devices|netDevices|cgroupsPath|resources|intelRdt|memoryPolicy|sysctl|seccomp|rootfsPropagation|maskedPaths|readonlyPaths|mountLabel)\b/;

const ELSEWHERE: Readonly<Record<string, string>> = {
  root: "root.path",
  readonlyRoot: "root.readonly",
  "process.personality": "linux.personality.domain",
  // Who makes the cgroups is no matter of config.json's.
  "cgroup.driver": "--systemd-cgroup",
  cgroup: "linux.cgroupsPath",
  "cgroup.slice": "linux.cgroupsPath",
  "cgroup.name": "linux.cgroupsPath",
};

/** Where a member of a translated spec comes from in config.json: "seccomp.syscalls[3]" is linux.seccomp.syscalls[3]. */
export function memberInConfig(member: string): string {
  const elsewhere = ELSEWHERE[member];
  if (elsewhere !== undefined) return elsewhere;
  // A variable is a line of a list there.
  if (member.startsWith("process.env")) return "process.env";
  return IN_LINUX.test(member) ? `linux.${member}` : member;
}

/** The same error, told of config.json. */
export function inConfig(error: LibctError): LibctError {
  if (error.member === undefined) return error;
  const member = memberInConfig(error.member);
  if (member === error.member) return error;
  const { code, syscall, errno, path, hint, cause } = error;
  const [what = ""] = error.message.split(` (${error.member})`);
  return new LibctError(code, what, { syscall, errno, path, member, hint, cause });
}
