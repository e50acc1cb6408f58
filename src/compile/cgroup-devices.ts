import {
  type Arch,
  AT,
  BPF_CGROUP_DEVICE,
  BPF_CMD,
  BPF_F,
  BPF_PROG_TYPE_CGROUP_DEVICE,
  O,
  u32s,
  u64s,
} from "../linux/index.ts";
import { type BlockBuilder, type Program, ProgramBuilder, type Register } from "../program/index.ts";

/** Gives a cgroup of version 2 a program for devices. Those of the cgroups above hold as well, and the container may add its own (bpf(2), BPF_F_ALLOW_MULTI). */
export function attachDeviceProgram(block: BlockBuilder, directory: string, instructions: Uint8Array): void {
  const program = loadProgram(block, instructions);
  const cgroup = openDirectory(block, directory);
  const attach = block.memory.bytes(u32s(0, 0, BPF_CGROUP_DEVICE, BPF_F.ALLOW_MULTI, 0, 0));
  block.store(attach, cgroup, 4);
  block.store(block.memory.at(attach, 4), program, 4);
  block.sys("bpf", [BPF_CMD.PROG_ATTACH, attach, 24], { why: "set the rules for devices" });
  block.sys("close", [cgroup]);
  block.sys("close", [program]);
}

/** A program that puts other rules in the place of those that a running container has, at once (BPF_F_REPLACE, Linux 5.6), or gives it some when it has none. */
export function compileDeviceProgram(arch: Arch, directory: string, instructions: Uint8Array): Program {
  const builder = new ProgramBuilder(arch);
  const block = builder.block("monitor").at("resources.devices");
  const program = loadProgram(block, instructions);
  const cgroup = openDirectory(block, directory);
  const old = queryProgram(block, cgroup);
  const [first, done] = [block.label(), block.label()];
  const attach = (flags: number) => block.memory.bytes(u32s(0, 0, BPF_CGROUP_DEVICE, flags, 0, 0));
  const fill = (attributes: ReturnType<typeof attach>) => {
    block.store(attributes, cgroup, 4);
    block.store(block.memory.at(attributes, 4), program, 4);
  };
  block.jumpIf(old, 0, first);
  const replace = attach(BPF_F.ALLOW_MULTI | BPF_F.REPLACE);
  fill(replace);
  const id = block.memory.bytes(u32s(0, 0, 0, 0));
  block.store(id, old, 4);
  const descriptor = block.sysResult("old", "bpf", [BPF_CMD.PROG_GET_FD_BY_ID, id, 12]);
  block.store(block.memory.at(replace, 16), descriptor, 4);
  block.sys("bpf", [BPF_CMD.PROG_ATTACH, replace, 20], { why: "change the rules for devices" });
  block.jump(done);
  block.place(first);
  const add = attach(BPF_F.ALLOW_MULTI);
  fill(add);
  block.sys("bpf", [BPF_CMD.PROG_ATTACH, add, 16], { why: "set the rules for devices" });
  block.place(done);
  return builder.finish();
}

/** union bpf_attr of BPF_PROG_LOAD: u32 type, u32 count, u64 instructions, u64 license, u32 log_level, u32 log_size, u64 log, u32 version, u32 flags. */
function loadProgram(block: BlockBuilder, instructions: Uint8Array): Register {
  const { memory } = block;
  const attributes = memory.bytes(
    new Uint8Array([...u32s(BPF_PROG_TYPE_CGROUP_DEVICE, instructions.length / 8), ...u64s(0, 0, 0, 0, 0)]),
  );
  memory.pointer(attributes, 8, memory.bytes(instructions));
  // It calls no helper, so any license will do.
  memory.pointer(attributes, 16, block.str("Apache-2.0"));
  return block.sysResult("device_program", "bpf", [BPF_CMD.PROG_LOAD, attributes, 48], {
    why: "load the rules for devices",
  });
}

const openDirectory = (block: BlockBuilder, directory: string): Register =>
  block.sysResult("cgroup", "openat", [AT.FDCWD, block.str(directory), O.RDONLY | O.CLOEXEC, 0]);

/** The id of the program of the cgroup, or 0: u32 target_fd, type, query_flags, attach_flags, u64 ids, u32 count. */
function queryProgram(block: BlockBuilder, cgroup: Register): Register {
  const { memory } = block;
  const ids = memory.bytes(u32s(0, 0));
  const query = memory.bytes(new Uint8Array([...u32s(0, BPF_CGROUP_DEVICE, 0, 0), ...u64s(0), ...u32s(1, 0)]));
  memory.pointer(query, 16, ids);
  block.store(query, cgroup, 4);
  block.sys("bpf", [BPF_CMD.PROG_QUERY, query, 32], { why: "look for the rules that there are" });
  const old = block.program.register("old_program");
  block.load(old, ids, 4);
  return old;
}
