import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeOp, explainProgram } from "../../src/explain/index.ts";
import { LAYOUTS } from "../../src/explain/layouts.ts";
import { SIGNATURES, type Signature, type SignatureVariants } from "../../src/explain/signatures.ts";
import { constantName, flagNames } from "../../src/explain/symbols.ts";
import {
  AF,
  type Arch,
  AT,
  CLONE,
  capabilityMask,
  E,
  FS_MAGIC,
  FSCONFIG,
  LANDLOCK_FS,
  LANDLOCK_RULE,
  MNT,
  MS,
  makedev,
  O,
  openFlags,
  PR,
  PR_CAP_AMBIENT,
  S,
  SCM_RIGHTS,
  SECCOMP,
  SECCOMP_FILTER_FLAG,
  SIG,
  SOCK,
  SOL_SOCKET,
  syscallNumber,
  TIOC,
  text,
  u16s,
  u32s,
  u64s,
} from "../../src/linux/index.ts";
import {
  type Arg,
  type BlockBuilder,
  type Op,
  type OpName,
  type Program,
  ProgramBuilder,
} from "../../src/program/index.ts";

/** The listing's text of the operations that `write` adds to a lone block. */
function listed(write: (block: BlockBuilder, program: ProgramBuilder) => void, arch: Arch = "x86_64"): string[] {
  const program = new ProgramBuilder(arch);
  write(program.block("monitor"), program);
  return explainProgram(program.finish()).lines.map((line) => line.text);
}

/** The listing's text of one system call. */
const call = (name: string, args: (block: BlockBuilder) => readonly Arg[], arch?: Arch) =>
  listed((block) => block.sys(name, args(block)), arch)[0];

/** A program with a bit of everything: a container of its own namespaces with a mount, a file and a command. */
function sample(): Program {
  const program = new ProgramBuilder("x86_64");
  const { memory } = program;
  const monitor = program.block("monitor").at("namespaces");
  const init = program.block("init");
  const { DIRECTORY } = openFlags("x86_64");
  const proc = monitor.sysResult("proc", "openat", [AT.FDCWD, monitor.str("/proc"), O.PATH | DIRECTORY | O.CLOEXEC]);
  const statfs = memory.zeroed(120);
  const magic = program.register("magic");
  monitor.sys("fstatfs", [proc, statfs]);
  monitor.load(magic, statfs, 8);
  monitor.expect(magic, FS_MAGIC.PROC, E.ENOTSUP, "/proc is not a procfs");
  const cloneArgs = memory.bytes(u64s(CLONE.NEWNS | CLONE.NEWPID, 0, 0, 0, SIG.CHLD, 0, 0, 0, 0, 0, 0));
  const pid = program.register("init");
  monitor.spawn(init, { clone3: cloneArgs, size: 88 }, { dst: pid });

  const done = init.label();
  init.at("rootfsPropagation").sys("mount", [0, init.str("/"), 0, MS.REC | MS.PRIVATE, 0]);
  init.at("mounts[2]");
  init.sys("mkdirat", [AT.FDCWD, init.str("/dev/shm"), 0o755], {
    tolerate: [E.EEXIST],
    why: "create the mount target",
  });
  init.sys("umount2", [init.str("/mnt"), MNT.DETACH], { jump: { on: [E.EINVAL, E.ENOENT], to: done } });
  const shm = init.str("shm");
  init.sys("mount", [shm, init.str("/dev/shm"), init.str("tmpfs"), MS.NOSUID | MS.NODEV, init.str("size=64m")]);
  init.place(done);
  init.at("process.capabilities");
  for (const capability of [12, 13, 14]) init.sys("prctl", [PR.CAPBSET_DROP, capability, 0, 0, 0]);
  init.at("process.args");
  init.sys("execve", [
    init.str("/bin/sh"),
    memory.strings(["sh", "-c", 'echo "hi"']),
    memory.strings(["PATH=/bin", "HOME=/"]),
  ]);

  monitor.at("process").notify(1, [pid]);
  monitor.supervise(pid, { master: program.register("tty"), input: 0, output: 1 });
  const epilogue = program.epilogue().at("root");
  epilogue.sys("unlinkat", [AT.FDCWD, epilogue.str("/run/c1"), AT.REMOVEDIR], { tolerate: "any" });
  return program.finish();
}

describe("the listing of a program", () => {
  it("shows every call in order, with spawned blocks inside and the causing members on the right", () => {
    expect(explainProgram(sample()).toString()).toBe(
      `monitor:
  proc = openat(AT_FDCWD, "/proc", O_PATH|O_DIRECTORY|O_CLOEXEC)                 # namespaces
  fstatfs(proc, &buf[0])                                                         # namespaces
  magic = load(u64 &buf[0])                                                      # namespaces
  expect(magic == PROC_SUPER_MAGIC) else EOPNOTSUPP                              # namespaces: /proc is not a procfs
  init = clone3({flags=CLONE_NEWNS|CLONE_NEWPID, exit_signal=SIGCHLD})  -> init  # namespaces
    init:
      mount(NULL, "/", NULL, MS_REC|MS_PRIVATE, NULL)                            # rootfsPropagation
      mkdirat(AT_FDCWD, "/dev/shm", 0755)  [EEXIST ok]                           # mounts[2]: create the mount target
      umount2("/mnt", MNT_DETACH)  [EINVAL|ENOENT -> L1]                         # mounts[2]
      mount("shm", "/dev/shm", "tmpfs", MS_NOSUID|MS_NODEV, "size=64m")          # mounts[2]
      L1: prctl(PR_CAPBSET_DROP, CAP_NET_ADMIN) ... x3                           # process.capabilities
      execve("/bin/sh", ["sh", "-c", "echo \\"hi\\""], [/* 2 variables */])        # process.args
  notify(1, init)                                                                # process
  supervise(init, terminal master=tty input=0 output=1)                          # process
epilogue:
  unlinkat(AT_FDCWD, "/run/c1", AT_REMOVEDIR)  [any error ok]                    # root
`,
    );
  });

  it("has one line per operation in JSON, folded nowhere", () => {
    const program = sample();
    const lines = JSON.parse(JSON.stringify(explainProgram(program)));
    expect(lines).toHaveLength(program.blocks.reduce((count, block) => count + block.ops.length, 0));
    expect(lines[6]).toEqual({
      block: "init",
      depth: 1,
      index: 1,
      text: 'mkdirat(AT_FDCWD, "/dev/shm", 0755)  [EEXIST ok]',
      member: "mounts[2]",
      why: "create the mount target",
    });
    expect(lines[9]).toMatchObject({ index: 4, label: "L1", text: "prctl(PR_CAPBSET_DROP, CAP_NET_ADMIN)" });
  });

  it("pushes the comment of a long line to the right instead of moving all the others", () => {
    const program = new ProgramBuilder("x86_64");
    const block = program.block("monitor").at("root");
    block.sys("chdir", [block.str("/short")]);
    block.sys("chdir", [block.str(`/${"long/".repeat(30)}`)]);
    const [, short, long] = explainProgram(program.finish()).toString().split("\n");
    expect(short).toBe('  chdir("/short")  # root');
    expect(long).toMatch(/long\/"\) {2}# root$/);
  });

  it("does not fold capabilities that are dropped for different reasons or with different errors", () => {
    const program = new ProgramBuilder("x86_64");
    const block = program.block("monitor");
    for (const number of [0, 1, 2]) block.at(`set${number}`).sys("prctl", [PR.CAPBSET_DROP, number]);
    block.at("");
    for (const number of [0, 1, 2]) {
      block.sys("prctl", [PR.CAPBSET_DROP, number], number === 1 ? { tolerate: [E.EINVAL] } : {});
    }
    expect(explainProgram(program.finish()).toString().trimEnd().split("\n")).toHaveLength(7);
  });

  it("shows blocks inside blocks, a block spawned twice only once, and blocks that nothing spawns", () => {
    const program = new ProgramBuilder("x86_64");
    const [monitor, stage, init, stray] = ["monitor", "stage", "init", "stray"].map((name) => program.block(name));
    if (!monitor || !stage || !init || !stray) throw new Error("four blocks");
    monitor.spawn(stage, { flags: CLONE.NEWUSER | SIG.CHLD }, {});
    stage.spawn(init, { flags: SIG.CHLD }, {});
    stage.spawn(init, { flags: 0 }, {});
    init.sys("setsid", []);
    stray.sys("sync", []);
    expect(explainProgram(program.finish()).toString()).toBe(
      `monitor:
  clone(CLONE_NEWUSER|SIGCHLD)  -> stage
    stage:
      clone(SIGCHLD)  -> init
        init:
          setsid()
      clone(0)  -> init
stray:
  sync()
`,
    );
  });

  it("survives blocks that spawn themselves or nothing", () => {
    const program = new ProgramBuilder("x86_64");
    const block = program.block("monitor");
    block.spawn(block, { flags: 0 }, {});
    const other = new ProgramBuilder("x86_64");
    for (let i = 0; i < 5; i++) other.block("");
    block.spawn(other.block("elsewhere"), { flags: 0 }, {});
    expect(explainProgram(program.finish()).lines.map((line) => line.text)).toEqual([
      "clone(0)  -> monitor",
      "clone(0)  -> block 5",
    ]);
  });

  it("tells blocks of one name apart by their numbers", () => {
    const program = new ProgramBuilder("x86_64");
    const monitor = program.block("monitor");
    for (const child of [program.block("helper"), program.block("helper")]) {
      monitor.spawn(child, { flags: SIG.CHLD }, {});
      child.sys("pause", []);
    }
    expect(explainProgram(program.finish()).toString()).toContain("helper 2:\n      pause()");
  });
});

describe("pseudo-calls", () => {
  it("name the errno, the register and the place", () => {
    const lines = listed((block, program) => {
      const buffer = block.memory.zeroed(64);
      const structure = block.memory.bytes(u64s(1));
      const pid = program.register("pid");
      const end = block.label();
      const middle = block.label();
      block.await(buffer, 64, program.register("length"));
      block.load(pid, block.memory.at(buffer, 8), 4, true);
      block.store(structure, pid, 4);
      block.decimal(block.memory.at(buffer, 16), pid, 10);
      block.decimal(block.memory.at(buffer, 32), pid, 10, "/");
      block.jumpIf(pid, 0, middle);
      block.jumpUnless(pid, -1, end);
      block.place(middle);
      block.expectNot(pid, 0, E.ESRCH, "no such process");
      block.send(2, buffer, 16);
      block.send(3, block.memory.bytes(text("ready")), 5);
      block.closeFrom(3);
      block.supervise(pid, { master: -1, input: -1, output: -1 }, { keepRunning: true });
      block.fail(E.ECANCELED, "given up");
      block.jump(end);
      block.place(end);
    });
    expect(lines).toEqual([
      "length = await(&buf[0], 64)",
      "pid = load(i32 &buf[8])",
      "store(u32 &data[0], pid)",
      "decimal(&buf[16], pid, width 10)",
      'decimal(&buf[32], pid, width 10, fill "/")',
      "if (pid == 0) goto L1",
      "if (pid != -1) goto end",
      "expect(pid != 0) else ESRCH",
      "send(2, &buf[0], 16)",
      'send(3, "ready", 5)',
      "close_from(3)",
      "supervise(pid, keep running)",
      "fail(ECANCELED)",
      "goto end",
    ]);
  });

  it("compare a system call's result with the name of an error", () => {
    const lines = listed((block) => {
      const end = block.label();
      const fd = block.sysResult("fd", "getpid", [], { tolerate: "any" });
      block.jumpIf(fd, -E.ENOENT, end);
      block.place(end);
    });
    expect(lines).toEqual(["fd = getpid()  [any error ok]", "if (fd == -ENOENT) goto end"]);
  });

  it("compare a byte of text with a character", () => {
    const lines = listed((block, program) => {
      const first = program.register("first");
      block.load(first, block.memory.zeroed(8), 1);
      block.expect(first, 47, E.EXDEV, "not below the root");
    });
    expect(lines[1]).toBe("expect(first == '/') else EXDEV");
  });
});

describe("strings that are made while the program runs", () => {
  it("show the register whose number goes into them", () => {
    const lines = listed((block, program) => {
      const fd = program.register("fd");
      const path = block.memory.bytes(text("/proc/self/fd/\0\0\0\0\0\0\0\0\0\0\0"));
      block.decimal(block.memory.at(path, 14), fd, 10);
      block.sys("execve", [path, 0, 0]);
      const nested = block.memory.bytes(text("/proc/----------/ns/net\0"));
      block.decimal(block.memory.at(nested, 6), fd, 10, "/");
      block.sys("openat", [AT.FDCWD, nested, O.RDONLY]);
      const relative = block.memory.bytes(text(".----------/uid_map\0"));
      block.decimal(block.memory.at(relative, 1), fd, 10, "/");
      block.sys("openat", [3, relative, O.WRONLY]);
      const buffer = block.memory.zeroed(32);
      block.decimal(buffer, fd, 10);
      block.sys("write", [1, buffer, 10]);
      block.sys("read", [0, buffer, 32]);
      block.sys("chdir", [buffer]);
    });
    expect(lines.filter((line) => !line.startsWith("decimal"))).toEqual([
      'execve("/proc/self/fd/{fd}", NULL, NULL)',
      'openat(AT_FDCWD, "/proc/{fd}/ns/net", O_RDONLY)',
      'openat(3, "./{fd}/uid_map", O_WRONLY)',
      'write(1, "{fd}", 10)',
      "read(0, &buf[0], 32)",
      "chdir(&buf[0])",
    ]);
  });

  it("keep what one process writes out of the memory of its parent", () => {
    const program = new ProgramBuilder("x86_64");
    const monitor = program.block("monitor");
    const child = program.block("child");
    const attributes = program.memory.bytes(u64s(MS.RDONLY, 0, 0, 7));
    const setattr = (block: BlockBuilder) => block.sys("mount_setattr", [AT.FDCWD, block.str("/"), 0, attributes, 32]);
    monitor.spawn(child, { flags: SIG.CHLD }, {});
    child.store(program.memory.at(attributes, 24), program.register("userns"), 8);
    setattr(child);
    setattr(monitor);
    const lines = explainProgram(program.finish()).lines.map((line) => line.text);
    expect(lines[2]).toContain("userns_fd=userns}");
    expect(lines[3]).toBe('mount_setattr(AT_FDCWD, "/", 0, {attr_set=MOUNT_ATTR_RDONLY, userns_fd=7}, 32)');
  });
});

describe("arguments of system calls", () => {
  it("decode flags by name and unknown bits in hexadecimal", () => {
    expect(call("mount", (b) => [b.str("/a"), b.str("/b"), 0, MS.BIND | MS.REC | 0x40000000, 0])).toBe(
      'mount("/a", "/b", NULL, MS_BIND|MS_REC|0x40000000, NULL)',
    );
    expect(call("unshare", () => [CLONE.NEWTIME | CLONE.NEWNET])).toBe("unshare(CLONE_NEWTIME|CLONE_NEWNET)");
    expect(call("socket", () => [AF.UNIX, SOCK.STREAM | SOCK.CLOEXEC, 0])).toBe(
      "socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0)",
    );
    expect(call("personality", () => [0x40008])).toBe("personality(PER_LINUX32|ADDR_NO_RANDOMIZE)");
  });

  it("decode open flags by architecture", () => {
    const flags = 0o40000;
    expect(call("openat", (b) => [AT.FDCWD, b.str("/"), flags], "aarch64")).toBe(
      'openat(AT_FDCWD, "/", O_RDONLY|O_DIRECTORY)',
    );
    expect(call("openat", (b) => [AT.FDCWD, b.str("/"), flags])).toBe('openat(AT_FDCWD, "/", O_RDONLY|O_DIRECT)');
    expect(call("openat", (b) => [3, b.str("f"), O.WRONLY | O.CREAT, 0o644])).toBe(
      'openat(3, "f", O_WRONLY|O_CREAT, 0644)',
    );
    expect(flagNames("O", BigInt(0o20200002), "x86_64")).toBe("O_RDWR|O_TMPFILE");
  });

  it("print device numbers, modes, ids, signals and limits", () => {
    expect(call("mknodat", (b) => [4, b.str("null"), S.IFCHR | 0o666, makedev(1, 3)])).toBe(
      'mknodat(4, "null", S_IFCHR|0666, makedev(1, 3))',
    );
    expect(call("mknodat", (b) => [4, b.str("big"), S.IFBLK | 0o600, makedev(259, 1000)])).toBe(
      'mknodat(4, "big", S_IFBLK|0600, makedev(259, 1000))',
    );
    expect(call("fchown", () => [5, 0xffffffff, 1000])).toBe("fchown(5, -1, 1000)");
    expect(call("setgroups", (b) => [2, b.memory.bytes(u32s(4, 65534))])).toBe("setgroups(2, [4, 65534])");
    expect(call("kill", () => [1, SIG.KILL])).toBe("kill(1, SIGKILL)");
    expect(constantName("SIG", 35n)).toBe("SIGRT_3");
    expect(call("prlimit64", (b) => [0, 7, b.memory.bytes(u64s(1024, -1n)), 0])).toBe(
      "prlimit64(0, RLIMIT_NOFILE, {rlim_cur=1024, rlim_max=RLIM_INFINITY}, NULL)",
    );
    expect(call("ioprio_set", () => [1, 0, (2 << 13) | 4])).toBe(
      "ioprio_set(IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 4))",
    );
    expect(call("sched_setaffinity", (b) => [0, 8, b.memory.bytes(u64s(0b1_0000_1111))])).toBe(
      "sched_setaffinity(0, 8, [0-3,8])",
    );
    expect(call("rt_sigprocmask", (b) => [2, b.memory.bytes(u64s(0x4002)), 0, 8])).toBe(
      "rt_sigprocmask(SIG_SETMASK, [SIGINT SIGTERM], NULL, 8)",
    );
  });

  it("name capabilities, equal sets once and nearly full sets by what is missing", () => {
    const header = u32s(0x20080522, 0);
    const capset = (effective: bigint, inheritable: bigint) => (b: BlockBuilder) => {
      const half = (mask: bigint) => Number(BigInt.asUintN(32, mask));
      const sets = [effective, effective, inheritable];
      return [
        b.memory.bytes(header),
        b.memory.bytes(u32s(...sets.map(half), ...sets.map((mask) => half(mask >> 32n)))),
      ];
    };
    const mask = capabilityMask(["CAP_KILL", "CAP_BPF", "CAP_CHOWN"]);
    expect(call("capset", capset(mask, 0n))).toBe(
      "capset({version=_LINUX_CAPABILITY_VERSION_3, pid=0}, {effective=permitted=CAP_{CHOWN,KILL,BPF}, inheritable=0})",
    );
    expect(call("capset", capset((1n << 41n) - 1n, (1n << 40n) - 1n))).toContain(
      "{effective=permitted=CAP_*, inheritable=~CAP_{CHECKPOINT_RESTORE}}",
    );
  });

  it("let the operation decide how prctl, ioctl, fsconfig and landlock_add_rule are read", () => {
    expect(call("prctl", () => [PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0])).toBe("prctl(PR_SET_NO_NEW_PRIVS, 1)");
    expect(call("prctl", () => [PR.CAP_AMBIENT, 2, 10])).toBe(
      "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE)",
    );
    expect(call("prctl", () => [PR.CAP_AMBIENT, PR_CAP_AMBIENT.CLEAR_ALL, 0, 0, 0])).toBe(
      "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)",
    );
    expect(call("dup3", () => [5, 0, 0])).toBe("dup3(5, 0, 0)");
    expect(call("close_range", () => [3, 0xffffffff, 4])).toBe("close_range(3, ~0U, CLOSE_RANGE_CLOEXEC)");
    expect(call("prctl", () => [PR.SET_PDEATHSIG, SIG.KILL])).toBe("prctl(PR_SET_PDEATHSIG, SIGKILL)");
    expect(call("ioctl", (b) => [3, TIOC.SWINSZ, b.memory.bytes(u16s(25, 80, 0, 0))])).toBe(
      "ioctl(3, TIOCSWINSZ, {ws_row=25, ws_col=80})",
    );
    expect(call("ioctl", (b) => [3, TIOC.SPTLCK, b.memory.bytes(u32s(0))])).toBe("ioctl(3, TIOCSPTLCK, [0])");
    expect(call("fsconfig", (b) => [3, FSCONFIG.SET_STRING, b.str("size"), b.str("64m"), 0])).toBe(
      'fsconfig(3, FSCONFIG_SET_STRING, "size", "64m", 0)',
    );
    expect(call("fsconfig", () => [3, FSCONFIG.CMD_CREATE])).toBe("fsconfig(3, FSCONFIG_CMD_CREATE, NULL, NULL, 0)");
    const rule = new Uint8Array(12);
    rule.set(u64s(LANDLOCK_FS.READ_FILE | LANDLOCK_FS.READ_DIR));
    rule.set(u32s(9), 8);
    expect(call("landlock_add_rule", (b) => [3, LANDLOCK_RULE.PATH_BENEATH, b.memory.bytes(rule), 0])).toBe(
      "landlock_add_rule(3, LANDLOCK_RULE_PATH_BENEATH, {allowed_access=LANDLOCK_ACCESS_FS_READ_FILE|LANDLOCK_ACCESS_FS_READ_DIR, parent_fd=9}, 0)",
    );
  });

  it("read no further into a structure than its size says", () => {
    expect(call("landlock_create_ruleset", (b) => [b.memory.bytes(u64s(1, 3, 3)), 8, 0])).toBe(
      "landlock_create_ruleset({handled_access_fs=LANDLOCK_ACCESS_FS_EXECUTE}, 8, 0)",
    );
  });

  it("count the instructions of a seccomp filter", () => {
    const line = call("seccomp", (b) => {
      const filter = b.memory.bytes(u64s(3, 0));
      b.memory.pointer(filter, 8, b.memory.bytes(new Uint8Array(24)));
      return [SECCOMP.SET_MODE_FILTER, SECCOMP_FILTER_FLAG.LOG | SECCOMP_FILTER_FLAG.SPEC_ALLOW, filter];
    });
    expect(line).toBe(
      "seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_LOG|SECCOMP_FILTER_FLAG_SPEC_ALLOW, {3 instructions})",
    );
  });

  it("show text that is written, and the place of what is not text", () => {
    expect(call("write", (b) => [3, b.memory.bytes(text("0 1000 1\n")), 9])).toBe('write(3, "0 1000 1\\n", 9)');
    expect(call("write", (b) => [3, b.memory.bytes(Uint8Array.of(1, 2, 3)), 3])).toBe("write(3, &data[0], 3)");
    expect(call("write", (b) => [3, b.memory.bytes(text("x".repeat(200))), 200])).toBe(
      `write(3, "${"x".repeat(95)}"..., 200)`,
    );
    expect(call("sethostname", (b) => [b.str("web"), 3])).toBe('sethostname("web", 3)');
  });

  it("escape control characters, so that a path cannot write to the terminal of the reader", () => {
    expect(call("chdir", (b) => [b.str("/\u001b[31m\u009b\u202e\n")])).toBe('chdir("/\\u001b[31m\\u{9b}\\u{202e}\\n")');
  });

  it("follow a message to its text and its descriptors", () => {
    const line = call("sendmsg", (b) => {
      const { memory } = b;
      const iov = memory.bytes(u64s(0, 2));
      memory.pointer(iov, 0, memory.bytes(text("ok")));
      const control = memory.bytes(new Uint8Array([...u64s(20), ...u32s(SOL_SOCKET, SCM_RIGHTS, 7, 0)]));
      const message = memory.bytes(u64s(0, 0, 0, 1, 0, 24, 0));
      memory.pointer(message, 16, iov);
      memory.pointer(message, 32, control);
      return [5, message, 0x4000];
    });
    expect(line).toBe('sendmsg(5, {iov=["ok"], control=[SCM_RIGHTS [7]]}, MSG_NOSIGNAL)');
  });

  it("print calls without a signature, or of another kernel, with plain numbers", () => {
    expect(call("io_setup", (b) => [128, b.memory.zeroed(8)])).toBe("io_setup(128, &buf[0])");
    const program = new ProgramBuilder("x86_64");
    const block = program.block("monitor");
    block.sys("getpid", []);
    const finished = program.finish();
    const [op] = block.ops;
    const unknown = {
      ...finished,
      blocks: [{ ...block, index: 0, name: "b", ops: [{ ...op, nr: 9999, args: [-1, 0x7fffffff] } as Op] }],
    };
    expect(explainProgram(unknown).lines[0]?.text).toBe("syscall_9999(-1, 0x7fffffff)");
  });

  it("show arguments beyond the signature unless they are zero, and missing ones as zero", () => {
    expect(call("setsid", () => [0, 0])).toBe("setsid()");
    expect(call("setsid", () => [0, 5])).toBe("setsid(0, 5)");
    expect(call("mount", (b) => [0, b.str("/"), 0, MS.SLAVE])).toBe('mount(NULL, "/", NULL, MS_SLAVE, NULL)');
  });
});

describe("the description of a failed operation", () => {
  /** The operations of `sample` as a FAIL frame counts them: the monitor's first, then those of init. */
  const described = (block: number, op: number) => describeOp(sample(), block, op);

  it("is a short phrase with the path", () => {
    expect(described(1, 10)).toEqual({
      syscall: "mount",
      text: "mount tmpfs on /dev/shm",
      path: "/dev/shm",
      member: "mounts[2]",
      why: undefined,
    });
    expect(described(1, 8)).toMatchObject({ text: "mkdirat /dev/shm", why: "create the mount target" });
    expect(described(0, 0)).toMatchObject({ syscall: "openat", text: "openat /proc", member: "namespaces" });
    expect(described(1, 7).text).toBe("mount MS_REC|MS_PRIVATE on /");
    expect(described(1, 14)).toMatchObject({ text: "execve /bin/sh", path: "/bin/sh" });
    expect(described(2, 15)).toMatchObject({ text: "unlinkat /run/c1", member: "root" });
  });

  it("is the listing's text where there is no path", () => {
    expect(described(0, 4)).toMatchObject({
      syscall: "clone3",
      text: "clone3({flags=CLONE_NEWNS|CLONE_NEWPID, exit_signal=SIGCHLD})",
      path: undefined,
    });
    expect(described(0, 5).text).toBe("notify(1, init)");
  });

  it("is the reason that the program gives where it checks something itself", () => {
    expect(described(0, 3)).toMatchObject({ syscall: undefined, text: "/proc is not a procfs" });
  });

  it("tells bind mounts, remounts and moves apart", () => {
    const phrase = (flags: number) => {
      const program = new ProgramBuilder("x86_64");
      const block = program.block("monitor");
      block.sys("mount", [block.str("/src"), block.str("/dst"), block.str("none"), flags, 0]);
      return describeOp(program.finish(), 0, 0).text;
    };
    expect(phrase(MS.BIND)).toBe("mount /src on /dst");
    expect(phrase(MS.REMOUNT | MS.BIND | MS.RDONLY)).toBe("remount /dst");
    expect(phrase(0)).toBe("mount none on /dst");
  });

  it("knows what the operations before it have put into memory", () => {
    const program = new ProgramBuilder("x86_64");
    const block = program.block("monitor");
    const path = program.memory.bytes(text("/proc/self/fd/\0\0\0\0\0\0\0\0\0\0\0"));
    block.decimal(program.memory.at(path, 14), program.register("root"), 10);
    block.sys("chdir", [path]);
    expect(describeOp(program.finish(), 0, 1).text).toBe("chdir /proc/self/fd/{root}");
  });

  it("makes do with an operation that is not there", () => {
    expect(described(7, 999)).toEqual({
      syscall: undefined,
      text: "operation 999 of block 7",
      path: undefined,
      member: "",
      why: undefined,
    });
  });
});

/** Every way in which a call's arguments may be read. */
function alternatives(entry: Signature | SignatureVariants): readonly Signature[] {
  return "by" in entry ? [entry.otherwise, ...Object.values(entry.cases)].flatMap(alternatives) : [entry];
}

describe("the table of signatures", () => {
  it("has only names of system calls, with at most six arguments", () => {
    for (const [name, entry] of Object.entries(SIGNATURES)) {
      expect(syscallNumber("x86_64", name) ?? syscallNumber("aarch64", name), name).toBeDefined();
      for (const signature of alternatives(entry)) expect(signature.length, name).toBeLessThanOrEqual(6);
    }
  });

  it("refers only to arguments and structures that exist", () => {
    for (const [name, entry] of Object.entries(SIGNATURES)) {
      for (const signature of alternatives(entry)) {
        for (const type of signature) {
          const [head, group, size] = type.split(":");
          const index =
            head === "struct" ? size : head && ["flags", "one", "out", "msghdr"].includes(head) ? undefined : group;
          if (index !== undefined) expect(signature[Number(index)], `${name} ${type}`).toBe("uint");
          if (head === "struct") expect(LAYOUTS, `${name} ${type}`).toHaveProperty(group ?? "");
        }
      }
    }
  });
});

/** Any program at all, also one that the executor would refuse. */
const randomProgram = (): fc.Arbitrary<Program> => {
  const ref = fc.record({
    kind: fc.constant("data" as const),
    offset: fc.integer({ min: -20, max: 300 }),
    zero: fc.boolean(),
  });
  const index = fc.nat({ max: 63 });
  const register = fc.record({ kind: fc.constant("register" as const), index, name: fc.string() });
  const number = fc.oneof(fc.integer({ min: -200, max: 200 }), fc.maxSafeInteger(), fc.double());
  const arg: fc.Arbitrary<Arg> = fc.oneof(number, fc.bigInt({ min: -(1n << 70n), max: 1n << 70n }), ref, ref, register);
  const numbers = Object.keys(SIGNATURES).map((name) => syscallNumber("x86_64", name) ?? 0);
  const names: readonly OpName[] = [
    "SYSCALL",
    "SPAWN",
    "LOAD",
    "STORE",
    "DECIMAL",
    "NOTIFY",
    "SEND",
    "AWAIT",
    "SUPERVISE",
    "EXPECT",
    "JUMP",
    "FAIL",
    "CLOSE_FROM",
    "LOG",
    "RESTART",
  ];
  const op: fc.Arbitrary<Op> = fc.record({
    op: fc.oneof(fc.constant("SYSCALL" as const), fc.constantFrom(...names)),
    nr: fc.oneof(fc.constantFrom(...numbers), fc.nat({ max: 5 }), fc.nat({ max: 65535 })),
    args: fc.array(arg, { maxLength: 8 }),
    flags: fc.nat({ max: 3 }),
    dst: fc.option(register, { nil: undefined }),
    tolerate: fc.array(fc.nat({ max: 255 }), { maxLength: 4 }),
    jumpErrnos: fc.array(fc.nat({ max: 255 }), { maxLength: 2 }),
    target: fc.option(fc.record({ index: fc.integer({ min: -1, max: 12 }) }), { nil: undefined }),
    member: fc.string(),
    why: fc.option(fc.string(), { nil: undefined }),
  });
  const block = fc.record({ index: fc.nat({ max: 5 }), name: fc.string(), ops: fc.array(op, { maxLength: 10 }) });
  return fc
    .record({
      arch: fc.constantFrom("x86_64" as const, "aarch64" as const),
      blocks: fc.array(block, { maxLength: 4 }),
      data: fc.uint8Array({ maxLength: 200 }),
      zeroes: fc.nat({ max: 200 }),
      relocations: fc.array(fc.record({ where: fc.nat({ max: 30 }).map((n) => n * 8), target: ref })),
      hasEpilogue: fc.boolean(),
    })
    .map(({ hasEpilogue, ...program }) => ({ ...program, epilogue: hasEpilogue ? program.blocks.at(-1) : undefined }));
};

describe("any program", () => {
  it("can be listed, with each operation exactly once, and each operation described", () => {
    fc.assert(
      fc.property(randomProgram(), (program) => {
        const listing = explainProgram(program);
        const count = program.blocks.reduce((sum, block) => sum + block.ops.length, 0);
        expect(listing.lines).toHaveLength(count);
        expect(typeof listing.toString()).toBe("string");
        expect(() => JSON.stringify(listing)).not.toThrow();
        for (let op = 0; op <= count; op++) expect(describeOp(program, 0, op).text).not.toContain("undefined");
      }),
      { numRuns: 300 },
    );
  });
});
