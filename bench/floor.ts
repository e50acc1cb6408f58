import { type Arg, OP_FLAG, type Op, type Program } from "../src/program/index.ts";

/**
 * The floor: a C program that makes the very system calls of a program's processes in a loop, and nothing else; of the monitor only that it spawns and waits.
 * It is generated from what libct executes, so that it cannot fall behind. The descriptor of the process whose container is entered is opened by its /proc
 * directory, which is the C program's first argument.
 */
export function floorSource(program: Program): string {
  const [monitor] = program.blocks;
  const spawn = monitor?.ops.find(({ op }) => op === "SPAWN");
  if (!spawn) throw new Error("not a container's program");
  const has = (name: string) => program.blocks.some(({ ops }) => ops.some(({ dst }) => dst?.name === name));
  const entering = has("target");
  return `#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <errno.h>
static unsigned char mem[${program.data.length + program.zeroes}] __attribute__((aligned(16))) = {${[...program.data].join(",")}};
static long r[64];
static long call(long nr, long a, long b, long c, long d, long e, long f) { long v = syscall(nr, a, b, c, d, e, f); return v == -1 ? -errno : v; }
static void fail(int at, long v) { fprintf(stderr, "floor: operation %d: %ld\\n", at, v); _exit(1); }
${program.blocks.map((_, index) => `static void block${index}(void);`).join("\n")}
${program.blocks.map(({ ops }, index) => (index === 0 ? "" : blockSource(ops, index, program))).join("\n")}
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1e3 + t.tv_nsec / 1e6; }
int main(int argc, char **argv) {
${program.relocations.map(({ where, target }) => `  *(void **)(mem + ${where}) = mem + ${place(target.offset, target.zero, program)};`).join("\n")}
  for (int i = 0; i < 64; i++) r[i] = -1;
  r[${register(program, "proc")}] = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  int pair[2], ids[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) || pipe2(ids, O_CLOEXEC)) return 1;
  r[${register(program, "sync_child")}] = pair[1];
${entering ? `  r[${register(program, "target")}] = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);` : ""}
${has("pid_write") ? `  r[${register(program, "pid_write")}] = ids[1];` : ""}
  int count;
  while (scanf("%d", &count) == 1) {
    printf("[");
    for (int i = 0; i < count; i++) {
      int status;
      double begun = now();
      long pid = ${spawned(spawn, program)};
      wait4(pid, &status, __WALL, 0);
      ${has("pid_write") ? "if (status != 0 || read(ids[0], &pid, 8) != 8) return 1;\n      wait4(pid, &status, __WALL, 0);" : ""}
      printf("%s%.4f", i ? "," : "", now() - begun);
      if (status != 0) return 1;
    }
    printf("]\\n");
    fflush(stdout);
  }
}
`;
}

const blockSource = (ops: readonly Op[], block: number, program: Program) => `static void block${block}(void) {
  long v;
${ops.map((op, index) => `  L${index}: ${statement(op, index, program)}`).join("\n")}
  L${ops.length}: _exit(0);
}`;

/** The child goes on in its own block, which never returns. */
function spawned({ nr, args, flags }: Op, program: Program): string {
  const cloneArgs = new DataView(program.data.buffer, program.data.byteOffset + offsetOf(args[1]));
  // struct clone_args (clone(2)): flags, pidfd, child_tid, parent_tid, exit_signal.
  const wanted =
    flags & OP_FLAG.SPAWN_CLONE3 ? cloneArgs.getBigUint64(0, true) | cloneArgs.getBigUint64(32, true) : args[0];
  return `syscall(SYS_clone, ${wanted}UL, 0, 0, 0, 0); if (pid == 0) block${nr}()`;
}

function statement(op: Op, index: number, program: Program): string {
  const args = Array.from({ length: 6 }, (_, i) => value(op.args[i] ?? 0, program));
  const keep = op.dst ? ` r[${op.dst.index}] = v;` : "";
  const target = `L${op.target?.index ?? 0}`;
  switch (op.op) {
    case "SYSCALL": {
      const jump = op.jumpErrnos.map((errno) => `if (v == -${errno}) goto ${target}; `).join("");
      const accepted = op.tolerate.includes(255)
        ? ""
        : `if (v < 0${op.tolerate.map((errno) => ` && v != -${errno}`).join("")} && ${CLOSES.has(op.nr) ? 0 : 1}) fail(${index}, v);`;
      return `v = call(${op.nr}, ${args.join(", ")});${keep} ${jump}${accepted}`;
    }
    case "LOAD":
      return `v = 0; memcpy(&v, (void *)${args[0]}, ${op.nr});${keep}`;
    case "STORE":
      return `v = ${args[1]}; memcpy((void *)${args[0]}, &v, ${op.nr});`;
    case "EXPECT":
      return `if ((${args[0]} == ${args[1]}) == ${op.flags & 1}) fail(${index}, 0);`;
    case "JUMP":
      return `if ((${args[0]} == ${args[1]}) != ${op.flags & 1}) goto ${target};`;
    case "SPAWN":
      return `{ long pid = ${spawned(op, program)}; v = pid;${keep} }`;
    default:
      throw new Error(`the floor has no ${op.op}`);
  }
}

/** close(2) of descriptors that only the monitor's processes have. */
const CLOSES = new Set([3]);

const place = (offset: number, zero: boolean, program: Program) => (zero ? program.data.length + offset : offset);
const offsetOf = (arg: Arg | undefined) => (typeof arg === "object" && arg.kind === "data" ? arg.offset : 0);

function value(arg: Arg, program: Program): string {
  if (typeof arg === "number" || typeof arg === "bigint") return `${BigInt.asIntN(64, BigInt(arg))}L`;
  return arg.kind === "register" ? `r[${arg.index}]` : `(long)(mem + ${place(arg.offset, arg.zero, program)})`;
}

function register(program: Program, name: string): number {
  for (const { ops } of program.blocks) for (const { dst } of ops) if (dst?.name === name) return dst.index;
  throw new Error(`no register ${name}`);
}
