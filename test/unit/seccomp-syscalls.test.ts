import { describe, expect, it } from "vitest";
import {
  type Abi,
  auditArch,
  isSyscallName,
  newestSyscallNumber,
  syscallName,
  syscallNumber,
  syscallTable,
} from "../../src/linux/syscalls/index.ts";

const abis = Object.keys(auditArch) as readonly Abi[];

describe("the system call tables", () => {
  // From the architectures' system call ABIs as documented in syscalls(2) and <asm/unistd.h>.
  it.each<[Abi, Readonly<Record<string, number>>]>([
    ["x86_64", { read: 0, clone: 56, mount: 165, clone3: 435, pidfd_send_signal: 424, uretprobe: 335, mseal: 462 }],
    ["x86", { restart_syscall: 0, exit: 1, read: 3, socketcall: 102, mmap2: 192, socket: 359, clock_gettime64: 403 }],
    ["x32", { read: 0x40000000, clone3: 0x40000000 + 435, rt_sigaction: 0x40000000 + 512, execve: 0x40000000 + 520 }],
    ["aarch64", { io_setup: 0, openat: 56, read: 63, clone: 220, mmap: 222, pivot_root: 41, clone3: 435 }],
    ["arm", { read: 3, mmap2: 192, socket: 281, openat: 322, cacheflush: 0xf0002, set_tls: 0xf0005 }],
    ["riscv64", { read: 63, riscv_flush_icache: 259, clone3: 435 }],
    ["ppc64le", { read: 3, swapcontext: 249, sync_file_range2: 308 }],
    ["s390x", { read: 3, s390_runtime_instr: 342, clone3: 435 }],
  ])("have the numbers of %s", (abi, numbers) => {
    for (const [name, number] of Object.entries(numbers)) {
      expect([name, syscallNumber(abi, name)]).toEqual([name, number]);
      expect([number, syscallName(abi, number)]).toEqual([number, name]);
    }
  });

  it("know the calls of recent kernels, which have the same number everywhere", () => {
    const recent = {
      openat2: 437,
      cachestat: 451,
      fchmodat2: 452,
      listmount: 458,
      setxattrat: 463,
      open_tree_attr: 467,
    };
    for (const abi of abis) {
      for (const [name, number] of Object.entries(recent)) {
        expect([abi, name, syscallNumber(abi, name)]).toEqual([abi, name, number + (abi === "x32" ? 0x40000000 : 0)]);
      }
    }
  });

  it.each(abis)("lists each call of %s once, in the order of the numbers", (abi) => {
    const numbers = [...syscallTable(abi).values()];
    expect(numbers.length).toBeGreaterThan(300);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    for (const name of syscallTable(abi).keys()) expect(name).toMatch(/^[a-z_][a-z0-9_]*$/);
  });

  it.each(abis)("know the newest call of %s", (abi) => {
    const base = abi === "x32" ? 0x40000000 : 0;
    // Above the common sequence lie x32's own calls (512 and up) and ARM's private ones.
    const shared = [...syscallTable(abi).values()].filter((number) => number - base < 512);
    expect(newestSyscallNumber(abi)).toBe(Math.max(...shared));
  });

  it("answer undefined for what they do not have", () => {
    expect(syscallNumber("aarch64", "open")).toBeUndefined();
    expect(syscallNumber("x86_64", "toString")).toBeUndefined();
    expect(syscallName("x86_64", 100_000)).toBeUndefined();
  });

  it("tell names of any architecture from names of none", () => {
    expect(["read", "mmap2", "swapcontext", "set_tls", "riscv_flush_icache"].filter(isSyscallName)).toHaveLength(5);
    expect(["", "raed", "0", "READ"].filter(isSyscallName)).toEqual([]);
  });
});
