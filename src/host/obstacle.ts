import { existsSync, readFileSync } from "node:fs";

/** Who most likely forbade a user namespace to this process, and what to do about it: looked up when it has happened. */
export function userNamespaceObstacle(): string {
  if (!existsSync("/proc/self/ns/user")) return "the kernel was built without them (CONFIG_USER_NS)";
  if (read("/proc/sys/user/max_user_namespaces") === "0") {
    return "the administrator set user.max_user_namespaces to 0: sysctl user.max_user_namespaces=10000";
  }
  if (read("/proc/sys/kernel/unprivileged_userns_clone") === "0") {
    return "Debian's switch is off: sysctl kernel.unprivileged_userns_clone=1";
  }
  if (read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") === "1") {
    return "AppArmor restricts them: sysctl kernel.apparmor_restrict_unprivileged_userns=0, or a profile with `userns,`";
  }
  if (/^Seccomp:\s*2/m.test(read("/proc/self/status") ?? "")) {
    return "a seccomp filter forbids them, mostly an outer container's: docker run --security-opt seccomp=unconfined";
  }
  return "`ct doctor` looks for the reason";
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined; // A kernel without it has no such file.
  }
}
