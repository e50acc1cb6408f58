import { describe, expect, it } from "vitest";
import { E } from "../../src/linux/index.ts";
import { encodeProgram, LIMIT, ProgramBuilder } from "../../src/program/index.ts";

function build() {
  const program = new ProgramBuilder("x86_64");
  const monitor = program.block("monitor");
  const later = monitor.label();
  const fd = monitor.sysResult("fd", "openat", [-100, monitor.str("/etc"), 0x80000, 0], {
    jump: { on: [E.ENOENT], to: later },
    tolerate: [E.EACCES],
  });
  monitor.store(program.memory.zeroed(8), fd, 8);
  monitor.place(later);
  monitor.notify(7, [fd, 2 ** 40, -1, 1n << 63n]);
  program.epilogue().sys("close", [fd], { tolerate: "any" });
  return program.finish();
}

describe("encoding a program", () => {
  const bytes = encodeProgram(build());
  const view = new DataView(bytes.buffer);
  const op = (index: number) => LIMIT.PROGRAM_HEADER + 2 * LIMIT.BLOCK_SIZE + index * LIMIT.OP_SIZE;

  it("begins with a header that tells all sizes", () => {
    expect(new TextDecoder().decode(bytes.subarray(0, 4))).toBe("CTP1");
    expect(view.getUint32(4, true)).toBe(bytes.length);
    expect([view.getUint32(8, true), view.getUint32(12, true)]).toEqual([16, 8]);
    expect([16, 18, 20, 22].map((at) => view.getUint16(at, true))).toEqual([4, 2, 0, 1]);
  });

  it("lists the blocks as ranges of operations", () => {
    expect([32, 36, 40, 44].map((at) => view.getUint32(at, true))).toEqual([0, 3, 3, 4]);
  });

  it("writes a system call with its arguments by kind, its tolerated errors and its jump", () => {
    expect([view.getUint8(op(0)), view.getUint8(op(0) + 1), view.getUint16(op(0) + 2, true)]).toEqual([1, 0, 257]);
    expect([...bytes.subarray(op(0) + 4, op(0) + 10)]).toEqual([0, 1, 0, 0, 0, 0]);
    expect(view.getBigInt64(op(0) + 24, true)).toBe(-100n);
    expect([...bytes.subarray(op(0) + 10, op(0) + 16)]).toEqual([E.EACCES, 0, 0, 0, E.ENOENT, 0]);
    expect(view.getUint32(op(0) + 16, true)).toBe(2);
  });

  it("places zeroed memory behind the data, and writes large and negative numbers in 64 bits", () => {
    expect(view.getBigUint64(op(1) + 24, true)).toBe(8n);
    expect(view.getBigUint64(op(2) + 32, true)).toBe(1n << 40n);
    expect(view.getBigInt64(op(2) + 40, true)).toBe(-1n);
    expect(view.getBigUint64(op(2) + 48, true)).toBe(1n << 63n);
    expect(view.getUint8(op(3) + 10)).toBe(LIMIT.ANY_ERRNO);
  });
});

describe("building a program", () => {
  it("keeps one copy of equal strings and points to them", () => {
    const { memory } = new ProgramBuilder("x86_64");
    expect(memory.string("a")).toBe(memory.string("a"));
    const argv = memory.strings(["a", "b", "a"]);
    expect(memory.relocations.map(({ where, target }) => [where - argv.offset, target.offset])).toEqual([
      [0, 0],
      [8, memory.string("b").offset],
      [16, 0],
    ]);
  });

  it("refuses NUL bytes in strings, unknown system calls and too many registers", () => {
    const program = new ProgramBuilder("aarch64");
    expect(() => program.memory.string("a\0b")).toThrow("a NUL byte");
    expect(() => program.syscall("frobnicate")).toThrow("no system call frobnicate on aarch64");
    expect(() => {
      for (let number = 0; number <= 64; number++) program.register(`r${number}`);
    }).toThrow("at most 64 registers");
  });

  it("knows that system call numbers differ by architecture", () => {
    expect(new ProgramBuilder("x86_64").syscall("openat")).toBe(257);
    expect(new ProgramBuilder("aarch64").syscall("openat")).toBe(56);
  });
});
