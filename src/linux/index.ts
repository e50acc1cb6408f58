export { BackwardAssembler, BPF, BPF_MAXINSNS, type Label as BpfLabel, SOCK_FILTER_SIZE } from "./bpf.ts";
export { CAPABILITIES, type Capability, capabilityMask, capabilityNumber } from "./capabilities.ts";
export * from "./constants.ts";
export { BPF_CGROUP_DEVICE, BPF_CMD, BPF_F, BPF_PROG_TYPE_CGROUP_DEVICE, EBPF } from "./ebpf.ts";
export { E, errnoName } from "./errno.ts";
export { isSince, type KernelFeatures, kernelFeatures } from "./features.ts";
export * from "./ip.ts";
export * from "./netlink/index.ts";
export { isOwnDirectory, ownRuntimeDirectory } from "./own-directory.ts";
export { absolutePath } from "./paths.ts";
export { pause } from "./pause.ts";
export { randomHex } from "./random.ts";
export { signalName, signalNumber } from "./signals.ts";
export { bitmask, makedev, text, u16s, u32s, u64s } from "./struct.ts";
export {
  type Abi,
  type Arch,
  auditArch,
  isSyscallName,
  newestSyscallNumber,
  type SyscallTable,
  syscallName,
  syscallNumber,
  syscallTable,
  X32_SYSCALL_BIT,
} from "./syscalls/index.ts";
