import {
  AT,
  E,
  LANDLOCK_FS,
  LANDLOCK_NET,
  LANDLOCK_RULE,
  LANDLOCK_SCOPE,
  O,
  PR,
  SECCOMP,
  u64s,
} from "../linux/index.ts";
import type { BlockBuilder, DataRef, Register } from "../program/index.ts";
import type { Landlock } from "../spec/index.ts";
import { type ProcessContext, writeProc } from "./context.ts";
import { installWithListener } from "./seccomp-notify.ts";

/** Labels of security modules take effect at execve(2), and children inherit them until then (LSM attributes in /proc/PID/attr). */
export function setLabels(block: BlockBuilder, c: ProcessContext): void {
  const { apparmorProfile, selinuxLabel } = c.resolved.process;
  if (apparmorProfile) {
    block.at("process.apparmorProfile");
    writeProc(block, c.proc, "self/attr/apparmor/exec", `exec ${apparmorProfile}`, "set the AppArmor profile");
  }
  if (selinuxLabel) {
    writeProc(block.at("process.selinuxLabel"), c.proc, "self/attr/exec", selinuxLabel, "set the SELinux label");
  }
}

export function setNoNewPrivileges(c: ProcessContext): void {
  if (!c.resolved.process.noNewPrivileges) return;
  c.init.at("process.noNewPrivileges").sys("prctl", [PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0]);
}

/** Whether the last part of the set-up is bound by the command's own filter already. */
export const filtersEarly = ({ resolved }: ProcessContext): boolean =>
  resolved.seccomp !== undefined && !resolved.process.noNewPrivileges;

/** The filter is assembled by compileSeccomp; here it is only handed to the kernel. */
export function installSeccomp(c: ProcessContext): void {
  const { init, resolved: r } = c;
  if (!r.seccomp) return;
  const { filter, flags, listener } = r.seccomp;
  // struct sock_fprog { unsigned short len; struct sock_filter *filter; }
  const program = init.memory.bytes(u64s(filter.length / 8, 0));
  init.memory.pointer(program, 8, init.memory.bytes(filter));
  if (listener) installWithListener(c, flags, program, listener);
  else
    init.at("seccomp").sys("seccomp", [SECCOMP.SET_MODE_FILTER, flags, program], { why: "install the seccomp filter" });
}

const READ = LANDLOCK_FS.EXECUTE | LANDLOCK_FS.READ_FILE | LANDLOCK_FS.READ_DIR;
const FILE_RIGHTS =
  LANDLOCK_FS.EXECUTE | LANDLOCK_FS.WRITE_FILE | LANDLOCK_FS.READ_FILE | LANDLOCK_FS.TRUNCATE | LANDLOCK_FS.IOCTL_DEV;

/** All filesystem rights that an ABI version knows (landlock(7), "VERSIONS"). */
function handledRights(abi: number): number {
  let rights = (LANDLOCK_FS.REFER << 0) - 1;
  if (abi >= 2) rights |= LANDLOCK_FS.REFER;
  if (abi >= 3) rights |= LANDLOCK_FS.TRUNCATE;
  if (abi >= 5) rights |= LANDLOCK_FS.IOCTL_DEV;
  return rights;
}

/** Paths are opened in the container, as the process itself would. */
export function restrictWithLandlock(c: ProcessContext): void {
  const { landlock } = c.resolved.process;
  if (!landlock) return;
  const { init } = c;
  const abi = c.resolved.features.landlockAbi;
  const handled = handledRights(abi);
  init.at("process.landlock");
  const net =
    abi >= 4
      ? (landlock.bindTcp ? LANDLOCK_NET.BIND_TCP : 0) | (landlock.connectTcp ? LANDLOCK_NET.CONNECT_TCP : 0)
      : 0;
  const scope = abi >= 6 ? LANDLOCK_SCOPE.ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE.SIGNAL : 0;
  const size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
  const attr = init.memory.bytes(u64s(handled, net, scope));
  const ruleset = init.sysResult("ruleset", "landlock_create_ruleset", [attr, size, 0]);
  addPaths(c, ruleset, "readOnly", landlock.readOnly ?? [], READ);
  addPaths(c, ruleset, "readWrite", landlock.readWrite ?? [], handled);
  if (net) addPorts(c, ruleset, landlock);
  init.at("process.landlock").sys("landlock_restrict_self", [ruleset, 0]);
  init.sys("close", [ruleset]);
}

function addPaths(
  c: ProcessContext,
  ruleset: Register,
  member: string,
  paths: readonly string[],
  rights: number,
): void {
  const { init } = c;
  paths.forEach((path, index) => {
    init.at(`process.landlock.${member}[${index}]`);
    const fd = init.sysResult("file", "openat", [AT.FDCWD, init.str(path), O.PATH | O.CLOEXEC, 0]);
    const done = init.label();
    const rule = (allowed: number): DataRef => {
      const attr = init.memory.zeroed(16);
      init.store(attr, allowed, 8);
      init.store(init.memory.at(attr, 8), fd, 4);
      return attr;
    };
    // Rights of directories are refused for a file (EINVAL): then only those of files are given.
    const onFile = init.label();
    const what = { why: "allow the path" };
    init.sys("landlock_add_rule", [ruleset, LANDLOCK_RULE.PATH_BENEATH, rule(rights), 0], {
      ...what,
      jump: { on: [E.EINVAL], to: onFile },
    });
    init.jump(done);
    init.place(onFile);
    init.sys("landlock_add_rule", [ruleset, LANDLOCK_RULE.PATH_BENEATH, rule(rights & FILE_RIGHTS), 0], what);
    init.place(done);
    init.sys("close", [fd]);
  });
}

function addPorts(c: ProcessContext, ruleset: Register, landlock: Landlock): void {
  const { init } = c;
  for (const [member, right] of [
    ["bindTcp", LANDLOCK_NET.BIND_TCP],
    ["connectTcp", LANDLOCK_NET.CONNECT_TCP],
  ] as const) {
    init.at(`process.landlock.${member}`);
    for (const port of landlock[member] ?? []) {
      init.sys("landlock_add_rule", [ruleset, LANDLOCK_RULE.NET_PORT, init.memory.bytes(u64s(right, port)), 0]);
    }
  }
}
