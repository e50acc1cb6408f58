/**
 * Every member that config.json may have on Linux, by the names of the OCI runtime-spec 1.3.0 (config.md, config-linux.md): `[]` is an item of a list, `*` a key
 * of a map. Members of an object of another platform are not among them.
 */
export const MEMBERS: readonly string[] = `
ociVersion hostname domainname annotations annotations.*
root root.path root.readonly
mounts mounts[].destination mounts[].type mounts[].source mounts[].options mounts[].options[]
mounts[].uidMappings mounts[].uidMappings[].containerID mounts[].uidMappings[].hostID mounts[].uidMappings[].size
mounts[].gidMappings mounts[].gidMappings[].containerID mounts[].gidMappings[].hostID mounts[].gidMappings[].size
process process.terminal process.consoleSize process.consoleSize.height process.consoleSize.width
process.cwd process.env process.env[] process.args process.args[]
process.user process.user.uid process.user.gid process.user.umask process.user.additionalGids process.user.additionalGids[]
process.capabilities process.capabilities.bounding process.capabilities.bounding[] process.capabilities.effective
process.capabilities.permitted process.capabilities.inheritable process.capabilities.ambient
process.rlimits process.rlimits[].type process.rlimits[].soft process.rlimits[].hard
process.noNewPrivileges process.apparmorProfile process.selinuxLabel process.oomScoreAdj
process.scheduler process.scheduler.policy process.scheduler.nice process.scheduler.priority process.scheduler.flags
process.scheduler.flags[] process.scheduler.runtime process.scheduler.deadline process.scheduler.period
process.ioPriority process.ioPriority.class process.ioPriority.priority
process.execCPUAffinity process.execCPUAffinity.initial process.execCPUAffinity.final
hooks hooks.prestart hooks.prestart[].path hooks.prestart[].args hooks.prestart[].args[] hooks.prestart[].env
hooks.prestart[].env[] hooks.prestart[].timeout hooks.createRuntime hooks.createContainer hooks.startContainer
hooks.poststart hooks.poststop hooks.poststop[].path
linux linux.namespaces linux.namespaces[].type linux.namespaces[].path
linux.uidMappings linux.uidMappings[].containerID linux.uidMappings[].hostID linux.uidMappings[].size
linux.gidMappings linux.gidMappings[].containerID linux.gidMappings[].hostID linux.gidMappings[].size
linux.timeOffsets linux.timeOffsets.* linux.timeOffsets.*.secs linux.timeOffsets.*.nanosecs
linux.devices linux.devices[].type linux.devices[].path linux.devices[].major linux.devices[].minor
linux.devices[].fileMode linux.devices[].uid linux.devices[].gid
linux.netDevices linux.netDevices.* linux.netDevices.*.name
linux.cgroupsPath linux.rootfsPropagation linux.mountLabel linux.sysctl linux.sysctl.*
linux.maskedPaths linux.maskedPaths[] linux.readonlyPaths linux.readonlyPaths[]
linux.personality linux.personality.domain linux.personality.flags linux.personality.flags[]
linux.intelRdt linux.intelRdt.closID linux.intelRdt.schemata linux.intelRdt.schemata[] linux.intelRdt.l3CacheSchema
linux.intelRdt.memBwSchema linux.intelRdt.enableMonitoring linux.intelRdt.enableCMT linux.intelRdt.enableMBM
linux.memoryPolicy linux.memoryPolicy.mode linux.memoryPolicy.nodes linux.memoryPolicy.flags linux.memoryPolicy.flags[]
linux.seccomp linux.seccomp.defaultAction linux.seccomp.defaultErrnoRet linux.seccomp.architectures
linux.seccomp.architectures[] linux.seccomp.flags linux.seccomp.flags[] linux.seccomp.listenerPath
linux.seccomp.listenerMetadata linux.seccomp.syscalls linux.seccomp.syscalls[].names linux.seccomp.syscalls[].names[]
linux.seccomp.syscalls[].action linux.seccomp.syscalls[].errnoRet linux.seccomp.syscalls[].args
linux.seccomp.syscalls[].args[].index linux.seccomp.syscalls[].args[].value linux.seccomp.syscalls[].args[].valueTwo
linux.seccomp.syscalls[].args[].op
linux.resources linux.resources.devices linux.resources.devices[].allow linux.resources.devices[].type
linux.resources.devices[].major linux.resources.devices[].minor linux.resources.devices[].access
linux.resources.memory linux.resources.memory.limit linux.resources.memory.reservation linux.resources.memory.swap
linux.resources.memory.kernel linux.resources.memory.kernelTCP linux.resources.memory.swappiness
linux.resources.memory.disableOOMKiller linux.resources.memory.useHierarchy linux.resources.memory.checkBeforeUpdate
linux.resources.cpu linux.resources.cpu.shares linux.resources.cpu.quota linux.resources.cpu.burst
linux.resources.cpu.period linux.resources.cpu.realtimeRuntime linux.resources.cpu.realtimePeriod
linux.resources.cpu.cpus linux.resources.cpu.mems linux.resources.cpu.idle
linux.resources.pids linux.resources.pids.limit
linux.resources.blockIO linux.resources.blockIO.weight linux.resources.blockIO.leafWeight
linux.resources.blockIO.weightDevice linux.resources.blockIO.weightDevice[].major
linux.resources.blockIO.weightDevice[].minor linux.resources.blockIO.weightDevice[].weight
linux.resources.blockIO.weightDevice[].leafWeight linux.resources.blockIO.throttleReadBpsDevice
linux.resources.blockIO.throttleReadBpsDevice[].major linux.resources.blockIO.throttleReadBpsDevice[].minor
linux.resources.blockIO.throttleReadBpsDevice[].rate linux.resources.blockIO.throttleWriteBpsDevice
linux.resources.blockIO.throttleReadIOPSDevice linux.resources.blockIO.throttleWriteIOPSDevice
linux.resources.hugepageLimits linux.resources.hugepageLimits[].pageSize linux.resources.hugepageLimits[].limit
linux.resources.network linux.resources.network.classID linux.resources.network.priorities
linux.resources.network.priorities[].name linux.resources.network.priorities[].priority
linux.resources.rdma linux.resources.rdma.* linux.resources.rdma.*.hcaHandles linux.resources.rdma.*.hcaObjects
linux.resources.unified linux.resources.unified.*
`
  .trim()
  .split(/\s+/);
