import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  createReadStream,
  createWriteStream,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { syscallNumber } from "../../src/linux/index.ts";
import { canExecuteWithoutPaths } from "../support/kernel.ts";
import { playground, remove } from "../support/playground.ts";
import { RawExecutor, type RawOp, rawProgram, TYPE } from "../support/raw-executor.ts";

const arch = process.arch === "arm64" ? "aarch64" : "x86_64";
const nr = (name: string) => syscallNumber(arch, name) ?? -1;
const OP = {
  SYSCALL: 1,
  SPAWN: 2,
  LOAD: 3,
  STORE: 4,
  DECIMAL: 5,
  NOTIFY: 6,
  SEND: 7,
  AWAIT: 8,
  SUPERVISE: 9,
  EXPECT: 10,
  JUMP: 11,
  FAIL: 12,
} as const;
const sys = (name: string, args: RawOp["args"] = [], more: Partial<RawOp> = {}): RawOp => ({
  code: OP.SYSCALL,
  nr: nr(name),
  args,
  ...more,
});
const notify = (code: number, ...args: NonNullable<RawOp["args"]>): RawOp => ({ code: OP.NOTIFY, nr: code, args });
const [ESRCH, EBADF, ECHILD, EAGAIN, EINVAL, EOVERFLOW] = [3, 9, 10, 11, 22, 75];
const O_CLOEXEC = 0o2000000;
const [TIOCSPTLCK, TIOCGPTPEER, TIOCSCTTY, FIONREAD] = [0x40045431, 0x5441, 0x540e, 0x541b];
const types = (frames: readonly { readonly type: number }[]) => frames.map(({ type }) => type);

/** argv for `sh -c SCRIPT` in data: [argv, path, "-c", script], relocations. */
function shell(script: string) {
  const texts = ["/bin/sh", "-c", script];
  const offsets: number[] = [];
  const chunks: Buffer[] = [Buffer.alloc(32)];
  let at = 32;
  for (const text of texts) {
    offsets.push(at);
    chunks.push(Buffer.from(`${text}\0`));
    at += Buffer.byteLength(text) + 1;
  }
  const relocations = offsets.map((offset, index) => [index * 8, offset] as const);
  return { data: Buffer.concat(chunks), relocations, path: [offsets[0] ?? 0] as const };
}

/** A monitor that spawns `sh -c SCRIPT` and supervises it. */
function supervised(script: string, before: readonly RawOp[] = []): Buffer {
  const { data, relocations, path } = shell(script);
  // The zygote blocks all signals: the command starts with none blocked.
  const unblock = sys("rt_sigprocmask", [2, [data.length + 64], 0, 8]);
  const monitor: RawOp[] = [
    ...before,
    { code: OP.SPAWN, nr: 1, dst: 0, args: [17, 0] },
    notify(9, "r0"),
    { code: OP.SUPERVISE, args: ["r0", -1, -1, -1] },
  ];
  return rawProgram([monitor, [unblock, sys("execve", [path, [0], [24]])]], data, 256, relocations);
}

let executor: RawExecutor;
beforeEach(() => {
  executor = new RawExecutor();
});
afterEach(() => executor.end());

describe("the executor", () => {
  it("greets with its protocol, its process id and its machine", async () => {
    const { payload } = await executor.type(TYPE.HELLO);
    expect(payload.readUInt32LE(0)).toBe(3);
    expect(payload.readUInt32LE(4)).toBe(executor.child.pid);
    expect(payload.readUInt32LE(8)).toBe(arch === "x86_64" ? 1 : 2);
  });

  it("makes system calls, keeps their results and tells them", async () => {
    const [told, done] = await executor.run(
      rawProgram([[sys("getppid", [], { dst: 3 }), notify(5, "r3", -7, 2 ** 33)]]),
    );
    expect([told?.type, told?.code, done?.type]).toEqual([TYPE.NOTIFY, 5, TYPE.DONE]);
    expect([0, 8, 16].map((at) => told?.payload.readBigInt64LE(at))).toEqual([
      BigInt(executor.child.pid ?? 0),
      -7n,
      1n << 33n,
    ]);
  });

  it("goes on after tolerated errors, jumps on others, and fails on the rest", async () => {
    const closing = (more: Partial<RawOp>) => sys("close", [-1], { dst: 0, ...more });
    const program = rawProgram([
      [
        closing({ tolerate: [9] }),
        closing({ jump: [9], target: 3 }),
        { code: OP.FAIL, nr: 1 },
        notify(1, "r0"),
        closing({}),
        notify(2),
      ],
    ]);
    const [told, failed, done] = await executor.run(program);
    expect(told?.payload.readBigInt64LE(0)).toBe(-9n);
    expect([failed?.type, done?.type]).toEqual([TYPE.FAIL, TYPE.DONE]);
    expect([0, 4, 8, 12].map((at) => failed?.payload.readUInt32LE(at))).toEqual([0, 4, 9, 0]);
  });

  it("loads, stores, writes decimals, compares and jumps", async () => {
    const program = rawProgram([
      [
        { code: OP.STORE, nr: 4, args: [[0], 0xfffffffe] },
        { code: OP.LOAD, nr: 4, dst: 0, args: [[0]], flags: 1 },
        { code: OP.LOAD, nr: 4, dst: 1, args: [[0]] },
        { code: OP.DECIMAL, nr: 47, args: [[8], 4321, 8] },
        { code: OP.DECIMAL, nr: 0, args: [[16], -5, 8] },
        { code: OP.JUMP, args: ["r0", -2], target: 7 },
        { code: OP.FAIL, nr: 1 },
        { code: OP.EXPECT, nr: 5, args: ["r1", 0xfffffffe] },
        notify(1, "r0", "r1"),
        { code: OP.SEND, nr: 2, args: [[8], 16] },
        { code: OP.EXPECT, nr: 6, args: ["r0", 1] },
      ],
    ]);
    const [told, sent, failed] = await executor.run(program);
    expect([told?.payload.readBigInt64LE(0), told?.payload.readBigInt64LE(8)]).toEqual([-2n, 0xfffffffen]);
    expect(sent?.payload.toString("latin1")).toBe("////4321-5\0\0\0\0\0\0");
    expect(failed?.payload.readUInt32LE(8)).toBe(6);
  });

  it("gives every program zeroed memory, whatever the one before left there", async () => {
    const fill = { code: OP.STORE, nr: 8, args: [[64], 0x1234] } as RawOp;
    await executor.run(rawProgram([[fill]]));
    const [told] = await executor.run(rawProgram([[{ code: OP.LOAD, nr: 8, dst: 0, args: [[64]] }, notify(1, "r0")]]));
    expect(told?.payload.readBigInt64LE(0)).toBe(0n);
  });
});

describe("a supervised process", () => {
  it("has its exit status told, just before the end", async () => {
    const frames = await executor.run(supervised("exit 7"));
    expect(types(frames)).toEqual([TYPE.NOTIFY, TYPE.EXIT, TYPE.DONE]);
    expect([frames[1]?.payload.readUInt32LE(0), frames[1]?.payload.readUInt32LE(4)]).toEqual([1, 7]);
    expect(frames[1]?.payload.readBigUInt64LE(24)).toBeGreaterThan(100_000n);
  });

  it("has the signal told that killed it", async () => {
    const frames = await executor.run(supervised("kill -TERM $$"));
    expect([frames[1]?.payload.readUInt32LE(0), frames[1]?.payload.readUInt32LE(4)]).toEqual([2, 15]);
  });

  it("is sent a signal by a CALL, which has an answer", async () => {
    executor.send(TYPE.RUN, 4, supervised("exec sleep 60"));
    await executor.type(TYPE.NOTIFY, 4);
    executor.send(TYPE.CALL, 4, rawProgram([[sys("close", [-1])]]), 77);
    const refused = await executor.type(TYPE.RESULT, 4);
    expect([refused.seq, refused.payload.readUInt32LE(0), refused.payload.readUInt32LE(4)]).toEqual([77, 9, 0]);
    executor.send(TYPE.CALL, 4, rawProgram([[sys("kill", ["r0", 9])]]), 78);
    expect((await executor.type(TYPE.RESULT, 4)).payload.readUInt32LE(0)).toBe(0);
    expect((await executor.type(TYPE.EXIT, 4)).payload.readUInt32LE(4)).toBe(9);
    await executor.type(TYPE.DONE, 4);
    executor.send(TYPE.CALL, 4, rawProgram([[]]), 79);
    expect((await executor.type(TYPE.RESULT, 4)).payload.readUInt32LE(0)).toBe(3);
  });

  it("takes a killed daemon of its own with it, when it ends and when the application goes away", async () => {
    const daemon = "setsid sh -c 'sleep 61' & echo";
    await executor.run(supervised(`${daemon}; exit 0`));
    expect(running("sleep\0" + "61")).toEqual([]);
    executor.send(TYPE.RUN, 1, supervised(`setsid sleep 62 & exec sleep 63`));
    await executor.type(TYPE.NOTIFY, 1);
    await until(() => running("sleep\0" + "62").length === 1);
    await executor.end();
    await until(() => running("sleep\0" + "62").length === 0 && running("sleep\0" + "63").length === 0);
  });

  it("waits for GO, whose bytes reach its memory", async () => {
    const program = rawProgram([
      [
        notify(1),
        { code: OP.AWAIT, dst: 0, args: [[0], 8] },
        { code: OP.LOAD, nr: 2, dst: 1, args: [[0]] },
        notify(2, "r0", "r1"),
      ],
    ]);
    executor.send(TYPE.RUN, 0, program);
    await executor.type(TYPE.NOTIFY);
    executor.send(TYPE.GO, 0, Buffer.from([0x34, 0x12]));
    const told = await executor.type(TYPE.NOTIFY);
    expect([told.payload.readBigInt64LE(0), told.payload.readBigInt64LE(8)]).toEqual([2n, 0x1234n]);
    await executor.type(TYPE.DONE);
    executor.send(TYPE.RUN, 0, program);
    await executor.type(TYPE.NOTIFY);
    // Longer than a monitor can be told: it is not heard.
    executor.send(TYPE.GO, 0, Buffer.alloc(70_000));
    executor.send(TYPE.GO, 0, Buffer.alloc(9));
    expect((await executor.type(TYPE.FAIL)).payload.readUInt32LE(8)).toBe(90);
  });

  it("runs the epilogue whatever happened, to its end", async () => {
    const program = rawProgram([[sys("close", [-1])], [sys("close", [-1]), notify(3)]], undefined, 64, [], 1);
    const frames = await executor.run(program);
    expect(types(frames)).toEqual([TYPE.FAIL, TYPE.FAIL, TYPE.NOTIFY, TYPE.DONE]);
    expect(frames[1]?.payload.readUInt32LE(12)).toBe(1);
  });

  it("is reported lost when somebody kills its monitor", async () => {
    executor.send(
      TYPE.RUN,
      2,
      rawProgram([[sys("getpid", [], { dst: 0 }), notify(1, "r0"), { code: OP.AWAIT, args: [[0], 8] }]]),
    );
    const told = await executor.type(TYPE.NOTIFY, 2);
    process.kill(Number(told.payload.readBigInt64LE(0)), "SIGKILL");
    expect((await executor.type(TYPE.LOST, 2)).payload.readUInt32LE(0)).toBe(9);
  });

  it("is one of fifty at once, and their numbers are free again afterwards", async () => {
    for (let round = 0; round < 2; round++) {
      const all = await Promise.all(Array.from({ length: 50 }, (_, id) => executor.run(supervised(`exit ${id}`), id)));
      expect(all.map((frames) => frames.find(({ type }) => type === TYPE.EXIT)?.payload.readUInt32LE(4))).toEqual(
        Array.from({ length: 50 }, (_, id) => id),
      );
    }
  });
});

describe("what the application says", () => {
  const noticed = { code: OP.AWAIT, dst: 0, args: [[0], 8] } satisfies RawOp;

  it("is heard by a monitor that waits for GO: a CALL has its answer, from the monitor's registers", async () => {
    executor.send(
      TYPE.RUN,
      0,
      rawProgram([[sys("getpid", [], { dst: 3 }), notify(1, "r3"), noticed, notify(2, "r0")]]),
    );
    const monitor = (await executor.type(TYPE.NOTIFY)).payload.readBigInt64LE(0);
    executor.send(TYPE.CALL, 0, rawProgram([[notify(7, "r3"), sys("getpid")]]), 5);
    const told = await executor.type(TYPE.NOTIFY);
    expect([told.code, told.seq, told.payload.readBigInt64LE(0)]).toEqual([7, 5, monitor]);
    const result = await executor.type(TYPE.RESULT);
    expect([result.seq, result.payload.readUInt32LE(0), result.payload.readBigInt64LE(8)]).toEqual([5, 0, monitor]);
    executor.send(TYPE.GO, 0, Buffer.alloc(3));
    expect((await executor.type(TYPE.NOTIFY)).payload.readBigInt64LE(0)).toBe(3n);
    await executor.type(TYPE.DONE);
  });

  it("is to be said again when a spawned process waits for GO in the monitor's place", async () => {
    const monitor: RawOp[] = [{ code: OP.SPAWN, nr: 1, dst: 0, args: [17, 0] }, sys("wait4", ["r0", 0, 0, 0])];
    executor.send(TYPE.RUN, 0, rawProgram([monitor, [notify(1), noticed, notify(2, "r0")]]));
    await executor.type(TYPE.NOTIFY);
    executor.send(TYPE.CALL, 0, rawProgram([[sys("getpid")]]), 6);
    expect((await executor.type(TYPE.RESULT)).payload.readUInt32LE(0)).toBe(EAGAIN);
    executor.send(TYPE.GO, 0, Buffer.alloc(5));
    expect((await executor.type(TYPE.NOTIFY)).payload.readBigInt64LE(0)).toBe(5n);
    await executor.type(TYPE.DONE);
  });

  it("is answered however late it comes", async () => {
    // Some of these reach a monitor that has told its end and is just exiting.
    for (let seq = 1; seq <= 100; seq++) {
      executor.send(TYPE.RUN, 0, rawProgram([[notify(1)]]));
      await executor.type(TYPE.DONE);
      executor.send(TYPE.CALL, 0, rawProgram([[]]), seq);
      const result = await executor.type(TYPE.RESULT);
      expect([result.seq, result.payload.readUInt32LE(0)]).toEqual([seq, ESRCH]);
    }
  });

  it("is refused when it is malformed or too long, and has no effect on the container", async () => {
    executor.send(TYPE.RUN, 0, supervised("exec sleep 60"));
    await executor.type(TYPE.NOTIFY);
    executor.send(TYPE.CALL, 0, Buffer.from("nonsense"), 1);
    expect((await executor.type(TYPE.REFUSED)).seq).toBe(1);
    executor.send(TYPE.CALL, 0, rawProgram([[]], Buffer.alloc(70_000)), 2);
    expect((await executor.type(TYPE.REFUSED)).seq).toBe(2);
    executor.send(TYPE.CALL, 0, rawProgram([[{ code: OP.SUPERVISE, args: ["r0", -1, -1, -1] }]]), 3);
    expect((await executor.type(TYPE.RESULT)).payload.readUInt32LE(0)).toBe(EINVAL);
    executor.send(TYPE.CALL, 0, rawProgram([[sys("kill", ["r0", 9])]]), 4);
    expect((await executor.type(TYPE.EXIT)).payload.readUInt32LE(4)).toBe(9);
  });

  it("may be a program that spawns: its failure is told as the CALL's", async () => {
    executor.send(TYPE.RUN, 0, supervised("exec sleep 60"));
    await executor.type(TYPE.NOTIFY);
    const spawning: RawOp[] = [{ code: OP.SPAWN, nr: 1, dst: 1, args: [17, 0] }, sys("wait4", ["r1", 0, 0, 0])];
    executor.send(TYPE.CALL, 0, rawProgram([spawning, [sys("close", [-1])]]), 8);
    const failed = await executor.type(TYPE.FAIL);
    expect([failed.seq, failed.payload.readUInt32LE(0), failed.payload.readUInt32LE(8)]).toEqual([8, 1, EBADF]);
    expect((await executor.type(TYPE.RESULT)).payload.readUInt32LE(0)).toBe(0);
    // Its program lies where the next command would be received, so it cannot wait for one.
    executor.send(TYPE.CALL, 0, rawProgram([spawning, [noticed]]), 9);
    expect((await executor.type(TYPE.FAIL)).payload.readUInt32LE(8)).toBe(EINVAL);
    await executor.type(TYPE.RESULT);
  });
});

describe("a failure", () => {
  it("in a spawned block is told, and is that process's exit status", async () => {
    const monitor: RawOp[] = [
      { code: OP.SPAWN, nr: 1, dst: 0, args: [17, 0] },
      { code: OP.SUPERVISE, args: ["r0", -1, -1, -1] },
    ];
    const frames = await executor.run(rawProgram([monitor, [sys("close", [-1])]]));
    expect(types(frames)).toEqual([TYPE.FAIL, TYPE.EXIT, TYPE.DONE]);
    expect([0, 4, 8].map((at) => frames[0]?.payload.readUInt32LE(at))).toEqual([1, 2, EBADF]);
    expect([0, 4].map((at) => frames[1]?.payload.readUInt32LE(at))).toEqual([1, 125]);
  });

  it("of the monitor takes what it has started with it, before the epilogue", async () => {
    const { data, relocations, path } = shell("setsid sleep 64 & setsid sleep 64 & exec sleep 64");
    const monitor: RawOp[] = [
      { code: OP.SPAWN, nr: 1, dst: 0, args: [17, 0] },
      notify(1),
      { code: OP.AWAIT, args: [[data.length + 8], 8] },
      { code: OP.FAIL, nr: 5 },
    ];
    const init = [sys("execve", [path, [0], [24]])];
    const epilogue = [sys("wait4", [-1, 0, 0, 0], { dst: 0, tolerate: [ECHILD] }), notify(3, "r0")];
    executor.send(TYPE.RUN, 0, rawProgram([monitor, init, epilogue], data, 256, relocations, 2));
    await executor.type(TYPE.NOTIFY);
    await until(() => running("sleep\0" + "64").length === 3);
    executor.send(TYPE.GO, 0);
    expect((await executor.type(TYPE.NOTIFY)).payload.readBigInt64LE(0)).toBe(BigInt(-ECHILD));
    expect(running("sleep\0" + "64")).toEqual([]);
  });

  it("takes them with it where there is no /proc too", async () => {
    const CLONE_NEWUSER = 0x10000000;
    const monitor: RawOp[] = [
      { code: OP.SPAWN, nr: 1, dst: 0, args: [17, 0] },
      notify(1, "r0"),
      sys("unshare", [CLONE_NEWUSER]),
      // Its own fdinfo directory: a root in which there is no /proc.
      sys("chroot", [[0]]),
      { code: OP.FAIL, nr: 5 },
    ];
    const program = rawProgram([monitor, [sys("ppoll", [0, 0, 0, 0, 0])]], Buffer.from("/proc/self/fdinfo\0"));
    const frames = await executor.run(program);
    expect(types(frames)).toEqual([TYPE.NOTIFY, TYPE.FAIL, TYPE.DONE]);
    expect(frames[1]?.payload.readUInt32LE(4)).toBe(4);
    expect(alive(Number(frames[0]?.payload.readBigInt64LE(0)))).toBe(false);
  });

  it("is a number that does not fit in its place, and the supervision of somebody else's child", async () => {
    const decimal = (value: number): RawOp => ({ code: OP.DECIMAL, nr: 0, args: [[0], value, 3] });
    const [tooLong] = await executor.run(rawProgram([[decimal(999), decimal(-99), decimal(1000)]]));
    expect([tooLong?.payload.readUInt32LE(4), tooLong?.payload.readUInt32LE(8)]).toEqual([2, EOVERFLOW]);
    const frames = await executor.run(rawProgram([[{ code: OP.SUPERVISE, args: [1, -1, -1, -1] }]]));
    expect(types(frames)).toEqual([TYPE.FAIL, TYPE.DONE]);
    expect(frames[0]?.payload.readUInt32LE(8)).toBe(ECHILD);
  });
});

/** A container with a terminal: the monitor's pid, and the other ends of the pipes that it relays between. */
async function terminal(script: string): Promise<{ monitor: number; input: number; output: number }> {
  const { data, relocations, path } = shell(script);
  const padded = Buffer.concat([data, Buffer.alloc(8 - (data.length % 8)), Buffer.from("/dev/ptmx\0")]);
  const ptmx = padded.length - 10;
  const scratch = Math.ceil(padded.length / 8) * 8;
  const pipe = (at: number, register: number): RawOp[] => [
    sys("pipe2", [[at], O_CLOEXEC]),
    { code: OP.LOAD, nr: 4, dst: register, args: [[at]] },
    { code: OP.LOAD, nr: 4, dst: register + 1, args: [[at + 4]] },
  ];
  const mode = constants.O_RDWR | constants.O_NOCTTY;
  const monitor: RawOp[] = [
    sys("openat", [-100, [ptmx], mode | O_CLOEXEC, 0], { dst: 1 }),
    sys("ioctl", ["r1", TIOCSPTLCK, [scratch]]),
    sys("ioctl", ["r1", TIOCGPTPEER, mode | O_CLOEXEC], { dst: 2 }),
    ...pipe(scratch + 8, 3),
    ...pipe(scratch + 16, 5),
    sys("getpid", [], { dst: 7 }),
    notify(1, "r7", "r4", "r5"),
    { code: OP.AWAIT, args: [[scratch], 8] },
    sys("close", ["r4"]),
    sys("close", ["r5"]),
    { code: OP.SPAWN, nr: 1, dst: 0, args: [17, 0] },
    sys("close", ["r2"]),
    { code: OP.SUPERVISE, args: ["r0", "r1", "r3", "r6"] },
  ];
  const init: RawOp[] = [
    sys("setsid"),
    sys("ioctl", ["r2", TIOCSCTTY, 0]),
    ...[0, 1, 2].map((number) => sys("dup3", ["r2", number, 0])),
    sys("rt_sigprocmask", [2, [scratch], 0, 8]),
    sys("execve", [path, [0], [24]]),
  ];
  executor.send(TYPE.RUN, 0, rawProgram([monitor, init], padded, 256, relocations));
  const { payload } = await executor.type(TYPE.NOTIFY);
  const [pid, write, read] = [0, 8, 16].map((at) => Number(payload.readBigInt64LE(at)));
  const input = openSync(`/proc/${pid}/fd/${write}`, constants.O_WRONLY);
  const output = openSync(`/proc/${pid}/fd/${read}`, constants.O_RDONLY);
  executor.send(TYPE.GO, 0);
  return { monitor: pid ?? 0, input, output };
}

/** What is in the pipe that the monitor writes to, as it says itself when it is asked by a CALL. */
async function waiting(): Promise<number> {
  const place = [0] as const;
  const ask = [
    sys("ioctl", ["r6", FIONREAD, place]),
    { code: OP.LOAD, nr: 4, dst: 20, args: [place] },
    notify(2, "r20"),
  ];
  executor.send(TYPE.CALL, 0, rawProgram([ask]), 1);
  const told = await executor.type(TYPE.NOTIFY);
  expect((await executor.type(TYPE.RESULT)).payload.readUInt32LE(0)).toBe(0);
  return Number(told.payload.readBigInt64LE(0));
}

/** Until the pipe takes no more. */
async function full(): Promise<void> {
  for (let before = -1, same = 0, now = 0; now < 32_768 || same < 20; before = now) {
    now = await waiting();
    same = now === before ? same + 1 : 0;
  }
}

describe("a terminal", () => {
  it("delivers a megabyte to a slow reader, all of it before the end is told; the monitor answers meanwhile", async () => {
    const { input, output } = await terminal("stty raw; head -c 1000000 /dev/zero | tr '\\0' x; exec printf end");
    await full();
    let text = "";
    const stream = createReadStream("", { fd: output });
    for await (const chunk of stream) text += (chunk as Buffer).toString("latin1");
    closeSync(input);
    expect([text.length, text.slice(-4)]).toEqual([1_000_003, "xend"]);
    expect((await executor.type(TYPE.EXIT)).payload.readUInt32LE(4)).toBe(0);
  });

  it("passes on what is typed, and the end of the input as a key press", async () => {
    const { input, output } = await terminal("exec cat");
    writeSync(input, "hello\n");
    closeSync(input);
    let text = "";
    for await (const chunk of createReadStream("", { fd: output })) text += (chunk as Buffer).toString("latin1");
    expect(text).toBe("hello\r\nhello\r\n");
    expect((await executor.type(TYPE.EXIT)).payload.readUInt32LE(4)).toBe(0);
  });

  it("whose container reads nothing does not make the monitor deaf", async () => {
    const { input, output } = await terminal("stty raw -echo; echo ready; exec sleep 66");
    const buffer = Buffer.alloc(16);
    expect(buffer.toString("latin1", 0, readSync(output, buffer))).toContain("ready");
    const typist = createWriteStream("", { fd: input });
    const ended = new Promise((resolve) => typist.once("error", resolve));
    typist.write(Buffer.alloc(1_000_000, "y"));
    for (let times = 0; times < 100; times++) await waiting();
    executor.send(TYPE.CALL, 0, rawProgram([[sys("kill", ["r0", 9])]]), 2);
    expect((await executor.type(TYPE.EXIT)).payload.readUInt32LE(4)).toBe(9);
    expect(await ended).toMatchObject({ code: "EPIPE" });
    closeSync(output);
  });

  it("that nobody reads any more does not stop the container", async () => {
    const { input, output } = await terminal("stty raw; head -c 300000 /dev/zero; exit 4");
    closeSync(output);
    expect((await executor.type(TYPE.EXIT)).payload.readUInt32LE(4)).toBe(4);
    closeSync(input);
  });

  it("that is full does not keep the monitor when the application goes away", async () => {
    const { monitor, input, output } = await terminal("stty raw; exec cat /dev/zero");
    await full();
    await executor.end();
    await until(() => !alive(monitor));
    closeSync(input);
    closeSync(output);
  });
});

describe("a malformed program", () => {
  const good = rawProgram([[notify(1), notify(2)]]);
  const spoil = (change: (bytes: Buffer) => void) => {
    const bytes = Buffer.from(good);
    change(bytes);
    return bytes;
  };
  const firstOp = 32 + 8;
  it.each<[string, Buffer]>([
    ["empty", Buffer.alloc(0)],
    ["cut off", good.subarray(0, good.length - 8)],
    ["with other first bytes", spoil((bytes) => bytes.write("XXXX"))],
    ["with another size in its header", spoil((bytes) => bytes.writeUInt32LE(good.length + 8, 4))],
    ["with less memory than data", spoil((bytes) => bytes.writeUInt32LE(8, 12))],
    ["with more memory than there is", spoil((bytes) => bytes.writeUInt32LE(0x7fffffff, 8))],
    ["without blocks", spoil((bytes) => bytes.writeUInt16LE(0, 18))],
    ["with a block that ends after the last operation", spoil((bytes) => bytes.writeUInt32LE(3, 36))],
    ["with an unknown operation", spoil((bytes) => bytes.writeUInt8(99, firstOp))],
    ["with register 64", rawProgram([[notify(1, "r64")]])],
    ["with a result for register 64", rawProgram([[sys("getpid", [], { dst: 64 })]])],
    ["with an unknown kind of argument", spoil((bytes) => bytes.writeUInt8(3, firstOp + 4))],
    ["with an address outside its memory", rawProgram([[notify(1, [257])]])],
    ["that loads past its memory", rawProgram([[{ code: OP.LOAD, nr: 8, dst: 0, args: [[250]] }]])],
    ["that loads three bytes", rawProgram([[{ code: OP.LOAD, nr: 3, dst: 0, args: [[0]] }]])],
    ["that jumps backwards", rawProgram([[notify(1), { code: OP.JUMP, args: [0, 0], target: 0 }]])],
    ["that jumps out of its block", rawProgram([[{ code: OP.JUMP, args: [0, 0], target: 2 }], [notify(1), notify(2)]])],
    ["that spawns a block that is not there", rawProgram([[{ code: OP.SPAWN, nr: 7, args: [17, 0] }]])],
    ["with a pointer outside its memory", rawProgram([[notify(1)]], undefined, 64, [[64, 0]])],
    ["with an odd place for a pointer", rawProgram([[notify(1)]], undefined, 64, [[3, 0]])],
    ["with an epilogue that is not there", rawProgram([[notify(1)]], undefined, 64, [], 5)],
    ["with a failure that is none", rawProgram([[{ code: OP.FAIL, nr: 0 }]])],
    ["with an expectation whose failure is none", rawProgram([[{ code: OP.EXPECT, nr: 4096, args: [0, 1] }]])],
    ["larger than any may be", Buffer.alloc(1 << 21)],
  ])("%s is refused, and the next program runs", async (_, bytes) => {
    expect(types(await executor.run(bytes))).toEqual([TYPE.REFUSED]);
    expect(types(await executor.run(good))).toEqual([TYPE.NOTIFY, TYPE.NOTIFY, TYPE.DONE]);
  });

  it("cannot share its stack with a child", async () => {
    const CLONE_VM = 0x100;
    const frames = await executor.run(rawProgram([[{ code: OP.SPAWN, nr: 0, args: [CLONE_VM | 17, 0] }]]));
    expect(frames[0]?.payload.readUInt32LE(8)).toBe(22);
  });
});

describe("the executor's own safety", () => {
  it("runs from a sealed copy that nobody can write to (CVE-2019-5736)", async () => {
    await executor.type(TYPE.HELLO);
    expect(() => openSync(`/proc/${executor.child.pid}/exe`, "r+")).toThrow(/ETXTBSY|EPERM|EACCES/);
    expect(readFileSync(`/proc/${executor.child.pid}/maps`, "utf8")).toContain("memfd:ct-executor");
  });

  it.runIf(canExecuteWithoutPaths())("is sealed where there is no /proc too", async () => {
    const place = playground();
    copyFileSync(executor.child.spawnfile, `${place}/ct-executor`);
    writeFileSync(`${place}/start`, `#!/bin/sh\nexec unshare -r chroot ${place} /ct-executor\n`);
    chmodSync(`${place}/start`, 0o755);
    const other = new RawExecutor(`${place}/start`);
    await other.type(TYPE.HELLO);
    expect(readFileSync(`/proc/${other.child.pid}/maps`, "utf8")).toContain("memfd:ct-executor");
    await other.end();
    remove(place);
  });

  it("is small: itself and each monitor", async () => {
    executor.send(TYPE.RUN, 0, supervised("exec sleep 60", [sys("getpid", [], { dst: 5 }), notify(8, "r5")]));
    const monitor = Number((await executor.type(TYPE.NOTIFY)).payload.readBigInt64LE(0));
    await executor.type(TYPE.NOTIFY);
    const memory = (pid: number, name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1]);
    expect(memory(executor.child.pid ?? 0, "Rss")).toBeLessThan(1024);
    expect(memory(monitor, "Private_Dirty") + memory(monitor, "Private_Clean")).toBeLessThan(200);
  });

  it("says what it is when a person starts it", async () => {
    const { spawnSync } = await import("node:child_process");
    const { status, stderr } = spawnSync(executor.child.spawnfile, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    expect(status).toBe(2);
    expect(stderr).toContain("not a command for people");
  });
});

/** Processes whose command line begins so. */
function running(commandLine: string): string[] {
  const { readdirSync } = process.getBuiltinModule("node:fs");
  return readdirSync("/proc").filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, "utf8").startsWith(commandLine);
    } catch {
      return false; // It has just ended.
    }
  });
}

const alive = (pid: number): boolean => existsSync(`/proc/${pid}`);

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}
