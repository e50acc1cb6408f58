import { lookUp } from "../index.ts";

const COUNTED = "no cgroup counts it";

/** Parameters that are not followed, and why. */
const REASONS: Readonly<Record<string, string>> = {
  ONBOOT: "containers are not started when the machine is",
  BOOTORDER: "containers are not started when the machine is",
  OSTEMPLATE: "the container's files are there already",
  DEF_OSTEMPLATE: "the container's files are there already",
  ORIGIN_SAMPLE: "what the sample says is in this file",
  VE_ROOT: "the root is mounted in the container's own mount namespace",
  VE_LAYOUT: "the files are used as they lie",
  TEMPLATE: "the container's files are there already",
  KMEMSIZE: "memory of the kernel counts for the limit of memory",
  LOCKEDPAGES: "locked memory counts for the limit of memory; RLIMIT_MEMLOCK limits each process",
  OOMGUARPAGES: "the kernel guarantees no memory when there is none left",
  NUMTCPSOCK: COUNTED,
  NUMOTHERSOCK: COUNTED,
  NUMFLOCK: COUNTED,
  NUMSIGINFO: COUNTED,
  NUMFILE: `${COUNTED}; RLIMIT_NOFILE limits each process`,
  NUMIPTENT: COUNTED,
  AVNUMPROC: COUNTED,
  TCPSNDBUF: COUNTED,
  TCPRCVBUF: COUNTED,
  OTHERSOCKBUF: COUNTED,
  DGRAMRCVBUF: COUNTED,
  DCACHESIZE: "caches of the kernel count for the limit of memory",
  DISKSPACE: "there are no quotas of disk space: use a filesystem of its own",
  DISKINODES: "there are no quotas of inodes: use a filesystem of its own",
  DISK_QUOTA: "there are no quotas of disk space",
  QUOTATIME: "there are no quotas of disk space",
  QUOTAUGIDLIMIT: "there are no quotas of disk space",
  MEMINFO: "the container sees the machine's /proc/meminfo",
  IPTABLES: "its network namespace has what the kernel has",
  NETFILTER: "its network namespace has what the kernel has",
  FEATURES: "they are features of OpenVZ's kernel",
  MOUNT_OPTS: "the files are used as they lie",
  NOATIME: "the files are used as they lie",
  STOP_TIMEOUT: "say it when stopping: ct stop --time",
  IOLIMIT: "limits of cgroups are for one disk each: ct update --device-read-bps",
  IOPSLIMIT: "limits of cgroups are for one disk each: ct update --device-read-iops",
  PCI: "devices of a bus are not given",
};

export const reasonFor = (key: string): string => lookUp(REASONS, key) ?? "libct does not know it";
