/** Ways out of failures whose system call says enough, by its name and the errno. */
export const CALL_HINTS: ReadonlyMap<string, string> = new Map([
  [
    "sched_setattr EPERM",
    "real-time policies, and a nice value below the present one, take CAP_SYS_NICE on the host (or RLIMIT_RTPRIO, RLIMIT_NICE); with cgroups of version 1 real-time ones need cpu.rt_runtime_us, too",
  ],
  ["sched_setattr EBUSY", "the kernel has no more processor time to promise with SCHED_DEADLINE"],
  ["sched_setattr EOPNOTSUPP", "utilization clamps take a kernel with CONFIG_UCLAMP_TASK"],
  ["ioprio_set EPERM", "IOPRIO_CLASS_RT takes CAP_SYS_NICE or CAP_SYS_ADMIN on the host"],
  ["set_mempolicy EINVAL", "a node is not there, has no memory, or is not allowed by cpuset.mems"],
  ["sched_setaffinity EINVAL", "none of the processors is there and allowed by the cgroup's cpuset.cpus"],
  ["connect ECONNREFUSED", "nobody listens on that socket any more"],
  ["connect EPROTOTYPE", "the socket must be a stream (SOCK_STREAM)"],
  ["connect EAGAIN", "the listener has accepted no connection for ten seconds"],
  ["sendmsg EAGAIN", "the listener has read nothing for ten seconds"],
  ["pidfd_open ENOSYS", "it came with Linux 5.3; a seccomp filter around this process may hide it, too"],
  ["pidfd_getfd EPERM", "to take a descriptor of the container's process takes CAP_SYS_PTRACE"],
  ["seccomp EBUSY", "there is a filter with a listener already: a process has only one (seccomp(2))"],
]);

/** By errno, of moving an interface. */
export const NET_DEVICE_HINTS: ReadonlyMap<string, string> = new Map([
  ["EPERM", "moving an interface takes CAP_NET_ADMIN on the host and in the container's network namespace"],
  ["EINVAL", "interfaces of this kind cannot leave their network namespace"],
  ["EEXIST", 'choose another name, or a template such as "eth%d"'],
  ["ENODEV", "the interface has gone meanwhile"],
]);

/** By errno, of making an interface. */
export const NIC_HINTS: ReadonlyMap<string, string> = new Map([
  ["EPERM", "interfaces of the host take CAP_NET_ADMIN there: run as root"],
  ["EOPNOTSUPP", "this kernel has no interfaces of that kind (see `modprobe -n KIND`)"],
  ["EEXIST", "there is one of that name, address or route already: see `ip addr` and `ip route`"],
  ["ENODEV", "the interface is not there: see `ip link`"],
  ["ENETUNREACH", "no address of the container's interfaces is in the gateway's network"],
  ["EADDRNOTAVAIL", "the address is no address of the container's"],
  ["EBUSY", "the interface is in use by another one"],
  [
    "ENOTUNIQ",
    "another state directory may have a network with that bridge: remove one of them, or make this one again with another bridge",
  ],
]);

const RULES =
  "networks take a kernel with nf_tables for inet (CONFIG_NF_TABLES_INET, NFT_NAT, NFT_FIB_INET, NFT_MASQ), or its modules";

/** By errno, of telling nf_tables rules. */
export const RULE_HINTS: ReadonlyMap<string, string> = new Map([
  ["EOPNOTSUPP", RULES],
  ["ENOENT", `${RULES}; or somebody has removed libct's table meanwhile`],
]);

/** The same for other calls. */
export const NIC_CALL_HINTS: ReadonlyMap<string, string> = new Map([
  ["socket EPROTONOSUPPORT", RULES],
  ["openat ENOENT", "this kernel has no such parameter, or the interface is not there"],
  ["bind EADDRINUSE", "another program has that port: see `ss -tulpn`"],
  ["bind EADDRNOTAVAIL", "the host has no such address: see `ip addr`"],
  ["bind EACCES", "ports below net.ipv4.ip_unprivileged_port_start take CAP_NET_BIND_SERVICE"],
  ["fcntl EAGAIN", "another container has it"],
]);
