/** Why a test does not pass, by its name: with the sentence of the runtime-spec where it says something else than the test. */
export const EXPLAINED: Readonly<Record<string, string>> = {
  delete:
    'A container that was never started is deleted: engines rely on it since runc does it. (runtime.md, Delete: "Attempting to delete a container that is not stopped MUST have no effect on the container and MUST generate an error.") One that runs is refused.',
  hooks: 'The test compares with "post-start1", but its own hooks write "post-start1 called": it cannot pass.',
  hooks_stdin:
    'The test is older than config.md, Prestart: "The prestart hooks MUST be called as part of the create operation", during which the status is "creating" (runtime.md, State).',
  killsig: "With runc the test depends on its shell having set its trap when the signal comes.",
  linux_cgroups_blkio: "The kernel has no blkio.leaf_weight any more (it went with CFQ in Linux 5.0).",
  linux_cgroups_relative_blkio: "As linux_cgroups_blkio.",
  linux_cgroups_hugetlb: "The test only knows cgroup v1; here the controller hugetlb is one of v2.",
  linux_cgroups_relative_hugetlb: "As linux_cgroups_hugetlb.",
  linux_cgroups_memory:
    'Linux 6.11 has given up limits of kernel memory; config-linux.md, Memory: kernel and kernelTCP are "NOT RECOMMENDED". ct-runtime warns.',
  linux_cgroups_relative_memory: "As linux_cgroups_memory.",
  linux_cgroups_network: "This kernel has neither net_cls nor net_prio.",
  linux_cgroups_relative_network: "As linux_cgroups_network.",
  linux_cgroups_devices: "runc adds its own rules before the container's, and the test compares the first lines.",
  linux_cgroups_relative_devices: "As linux_cgroups_devices.",
  linux_mount_label: "runc fails where there is no SELinux; ct-runtime goes on.",
  linux_ns_itype:
    "The test also leaves the mount namespace out. Then ct-runtime refuses the mounts of the config: runc makes them on the host, over whatever is there, and leaves them behind. The other namespaces are inherited.",
  linux_process_apparmor_profile: "This kernel has no AppArmor.",
  linux_rootfs_propagation: 'runc 1.1 does not know "unbindable" for the root.',
  linux_seccomp:
    "The filter of the test forbids getcwd, which looks whether the working directory lies in the container (CVE-2024-21626); without no_new_privs it comes after the filter.",
  misc_props: "The first of the three expects a program in the bundle that the test does not put there.",
  mounts:
    'The test takes the order in /proc/self/mountinfo for that of mounting, but since Linux 6.8 it is that of making: ct-runtime opens sources of bind mounts (open_tree) before anything is mounted, so that no path can be changed meanwhile. They are attached "in the listed order" (config.md, Mounts).',
  pidfile:
    'The test kills a container whose command ("true") has ended, and expects no error. (runtime.md, Kill: "Attempting to send a signal to a container that is neither created nor running MUST have no effect on the container and MUST generate an error.") With runc it depends on the time.',
  poststart: "runc executes poststart hooks before the command has run.",
  poststart_fail:
    'The test is older than runtime.md 1.2.1, Lifecycle: "If any poststart hook fails, the runtime MUST generate an error, stop the container, and continue the lifecycle at step 12."',
  poststop_fail:
    'runc 1.1 does not execute the remaining hooks. (runtime.md, Lifecycle: "the remaining hooks and lifecycle continue as if the hook had succeeded.")',
  prestart:
    'The test is older than config.md, Prestart: "The prestart hooks MUST be called as part of the create operation".',
  process_capabilities: "The test wants all capabilities, and this machine's root has no CAP_SYS_RESOURCE.",
  process_capabilities_fail:
    'The test is older than config.md, Linux Process: "Any value which cannot be mapped to a relevant kernel interface, or cannot be granted otherwise, MUST be logged as a warning by the runtime. Runtimes SHOULD NOT fail if the container configuration requests capabilities that cannot be granted."',
  process_rlimits:
    "The test program is written in Go, whose library raises the soft limit of descriptors when it starts.",
  start:
    'A config.json without process is refused when the container is created, as runc does it, and not only by start. (config.md, Process: "This property is REQUIRED when start is called.")',
};
