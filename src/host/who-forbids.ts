import { E } from "../linux/index.ts";
import type { Obstacles } from "./facts.ts";

/** ENOSPC: too many, or too deep; kernels before 4.9 say EUSERS (87) for the depth (clone(2)). */
const TOO_MANY = [E.ENOSPC, 87];

/** Who stands in the way of user namespaces, and what to do about it. `errno` is what the attempt failed with. */
export function whoForbids(obstacles: Obstacles, errno = 0): string {
  const { sysctls, container, seccompFiltered, chrooted, namespaces } = obstacles;
  if (!namespaces.includes("user")) return "a kernel with CONFIG_USER_NS";
  if (sysctls["user.max_user_namespaces"] === "0")
    return "the administrator set user.max_user_namespaces to 0: sysctl user.max_user_namespaces=10000";
  if (TOO_MANY.includes(errno))
    return "too many or too deeply nested user namespaces: raise user.max_user_namespaces here and in the namespaces around (at most 32 deep)";
  if (sysctls["kernel.unprivileged_userns_clone"] === "0")
    return "Debian's switch is off: sysctl kernel.unprivileged_userns_clone=1";
  if (sysctls["kernel.apparmor_restrict_unprivileged_userns"] === "1") {
    return "AppArmor restricts them (Ubuntu): give the program a profile with `userns,`, or sysctl kernel.apparmor_restrict_unprivileged_userns=0";
  }
  if (chrooted) return "the kernel refuses them after chroot(2): run outside of it, or enter it with pivot_root";
  const filter = seccompFiltered ? "a seccomp filter is in force; " : "";
  if (container)
    return `this is ${container}: ${filter}the outer one must allow it, as with docker run --security-opt seccomp=unconfined`;
  if (seccompFiltered)
    return "a seccomp filter is in force, so this is a container or a sandbox: the outer one must allow it";
  return "nothing is known to forbid them: perhaps a security module does";
}
