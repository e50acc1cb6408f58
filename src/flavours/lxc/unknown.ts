/** Keys of LXC that are about its own programs, or ask for what libct does not do, and why each is not followed. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/^lxc\.(log|syslog)/, "it is about LXC's own log"],
  [/^lxc\.(start\.|group$|monitor\.)/, "it is about LXC's own daemon and how it starts containers"],
  [/^lxc\.console\./, "the console is what `ct run -t` or `ct attach` shows; `ct logs` has what was written"],
  [/^lxc\.tty\./, "there are no /dev/tty1 and so on, only /dev/console and pseudo-terminals"],
  [/^lxc\.signal\.reboot$/, "libct does not reboot containers"],
  [/^lxc\.signal\.stop$/, "what does not end when it is asked to is killed"],
  [/^lxc\.apparmor\./, "libct writes no AppArmor profiles"],
  [/^lxc\.selinux\.context\.keyring$/, "the keyring has the label of the process that makes it"],
  [/^lxc\.seccomp\.allow_nesting$/, "filters are always stacked: the kernel does so"],
  [/^lxc\.ephemeral$/, "libct does not remove the container's files; an overlay without an upper directory keeps none"],
  [/^lxc\.execute\.cmd$/, "it is for lxc-execute: give the command to `ct run`"],
  [/^lxc\.rootfs\.managed$/, "libct does not change the storage of containers of LXC"],
  [/^lxc\.sched\.core$/, "core scheduling is not done"],
  [/^lxc\.proc\./, "only oom_score_adj is written"],
  [/^lxc\.(pivotdir|kmsg)$/, "LXC itself has given it up"],
  [/^lxc\.environment\.hooks$/, "hooks have the variables that LXC documents"],
];

export const reasonFor = (key: string): string =>
  REASONS.find(([pattern]) => pattern.test(key))?.[1] ??
  (key.startsWith("lxc.") ? "LXC knows no such key, or libct does not" : "it is no key of LXC's");
