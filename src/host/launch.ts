import { rmSync, writeFileSync } from "node:fs";
import type { Writable } from "node:stream";
import { type Cgroup, type CgroupScope, letDie, removeCgroup } from "../cgroup/index.ts";
import {
  NOTICE,
  QUESTION,
  RECORD_FILE,
  REPORT,
  type Resolved,
  type ResolvedEntry,
  type ResolvedProcess,
} from "../compile/index.ts";
import { LibctError } from "../errors.ts";
import type { Exit, Failure, ProgramRun, Zygote } from "../executor/index.ts";
import { SIG } from "../linux/index.ts";
import { encodeProgram, type Program, ProgramBuilder, type Register } from "../program/index.ts";
import { ociState } from "../spec/index.ts";
import { type ExitStatus, exitStatus, tellsOfOomKill } from "./exit-status.ts";
import type { OutputStream } from "./streams.ts";
import { homeVariable, lookUpUser } from "./users.ts";

interface OpenStreams {
  stdin: Writable | null;
  stdout: OutputStream | null;
  stderr: OutputStream | null;
}

/** How pipes are opened; loaded when there are some. */
type Pipes = Pick<typeof import("./streams.ts"), "openInput" | "openOutput">;

const STREAMS = ["stdin", "stdout", "stderr"] as const;

/** What opens a process's pipes, if it has any. */
export async function pipesFor(process: Pick<ResolvedProcess, (typeof STREAMS)[number]>): Promise<Pipes | undefined> {
  return STREAMS.some((stream) => process[stream] === "pipe") ? await import("./streams.ts") : undefined;
}

type CallBuilder = (block: ReturnType<ProgramBuilder["block"]>, register: (name: string) => Register) => void;

/** What is known of a process, and of a container also where it is written down. */
type LaunchedProcess = Pick<ResolvedProcess, "arch" | "user" | "orphan"> &
  Partial<Pick<Resolved, "record" | "cgroup" | "spec" | "nics" | "features"> & Pick<ResolvedEntry, "attach">>;

/** A program and its encoded form. */
export interface Compiled {
  readonly program: Program;
  readonly bytes: Uint8Array;
}

/** A program that makes a container or enters one, while it runs: turns what the executor tells into promises and streams. */
export class Launch {
  readonly streams: OpenStreams = { stdin: null, stdout: null, stderr: null };
  readonly started: Promise<number>;
  readonly ended: Promise<ExitStatus>;
  readonly #pipes: Pipes | undefined;
  readonly #zygote: Zygote;
  readonly #resolved: LaunchedProcess;
  readonly #program: Program;
  readonly #run: ProgramRun;
  readonly #texts: string[] = [];
  #failure: LibctError | Failure | undefined;
  #pipesFailure: LibctError | undefined;
  #exit: Exit | undefined;
  #oomKilled: boolean | undefined;
  #lost = false;
  /** What the kernel has said to a request about the network that failed. */
  #answer: Uint8Array | undefined;
  /** Only what was made for this container is ended with it. */
  #hasScope = false;
  #settleStarted: { resolve(pid: number): void; reject(error: LibctError): void } | undefined;
  #settleEnded: { resolve(status: ExitStatus): void; reject(error: LibctError): void } | undefined;

  constructor(zygote: Zygote, resolved: LaunchedProcess, { program, bytes }: Compiled, pipes: Pipes | undefined) {
    this.#zygote = zygote;
    this.#pipes = pipes;
    this.#resolved = resolved;
    this.#program = program;
    this.started = new Promise((resolve, reject) => {
      this.#settleStarted = { resolve, reject };
    });
    this.ended = new Promise((resolve, reject) => {
      this.#settleEnded = { resolve, reject };
    });
    // Who only waits for the end must not be bothered about the start, and the other way round.
    this.started.catch(() => undefined);
    this.ended.catch(() => undefined);
    this.#run = zygote.run(bytes, {
      notify: (code, values) => this.#notified(code, values),
      data: (code, bytes) => this.#asked(code, bytes),
      fail: (failure) => this.#failed(failure),
      exit: (exit) => {
        this.#exit = exit;
      },
      lost: () => {
        this.#lost = true;
      },
      done: (error) => this.#done(error),
    });
  }

  /** What limits the container, if anything does. */
  get cgroup(): Cgroup | undefined {
    return this.#resolved.cgroup?.handle;
  }

  /** Lets the monitor interpret a little program; fails when the container has ended. */
  async call(build: CallBuilder): Promise<void> {
    const program = new ProgramBuilder(this.#resolved.arch);
    // The registers of the container's program, under their old numbers.
    build(program.block("call"), (name) => {
      const register = findRegister(this.#program, name);
      if (register) return register;
      throw new LibctError("ERR_CT_STATE", `the container has no ${name}`);
    });
    const finished = program.finish();
    const result = await this.#run.call(encodeProgram(finished));
    if (result.errno === 0) return;
    throw await errorOf(finished, { block: 0, op: result.op, errno: result.errno, epilogue: false });
  }

  /** SIGKILL, which cannot fail but when it is too late. */
  async kill(): Promise<void> {
    await this.call((block, register) => block.sys("kill", [register("init"), SIG.KILL])).catch(() => undefined);
    if (this.cgroup) letDie(this.cgroup);
  }

  #notified(code: number, values: readonly number[]): void {
    if (code === NOTICE.PIPES) this.#openPipes(values);
    else if (code === NOTICE.HOOKS) this.#runHooks(values[0] ?? -1);
    else if (code === NOTICE.NIC) void this.#answerNic(values);
    else if (code === NOTICE.SCOPE) void this.#askSystemd(values[0] ?? -1);
    else if (code !== NOTICE.STARTED) return;
    else if (!this.#failure && !this.#pipesFailure) this.#settleStarted?.resolve(values[0] ?? -1);
    else if (this.#resolved.orphan) this.#giveUp();
  }

  /** More bytes than the program has room for: it fails, and everything is cleaned up. */
  #giveUp(error?: LibctError): void {
    this.#failure ??= error;
    this.#run.go(new Uint8Array(4096));
  }

  #runHooks(pid: number): void {
    const { spec = {} } = this.#resolved;
    import("./hooks.ts")
      .then(({ runHooks }) => runHooks(spec.hooks, ["prestart", "createRuntime"], ociState(spec, "creating", pid)))
      .then(
        () => this.#run.go(new Uint8Array(0)),
        (error: LibctError) => this.#giveUp(error),
      );
  }

  /** What one of the container's interfaces needs to know before it is made. */
  async #answerNic([nic = 0, question = 0, status = 0]: readonly number[]): Promise<void> {
    try {
      await this.#resolved.nics?.plans[nic]?.answer?.(question, status);
      this.#run.go(new Uint8Array(0));
    } catch (error) {
      this.#giveUp(error as LibctError);
    }
  }

  /** What was started is left to itself, and its monitor goes. */
  leave(): void {
    this.#run.go(new Uint8Array(0));
    this.#run.forget();
    const message = "nobody here waits for the end of a process that was left to itself";
    this.#settleEnded?.reject(new LibctError("ERR_CT_STATE", message));
  }

  #openPipes(values: readonly number[]): void {
    const [stdin = -1, stdout = -1, stderr = -1, pid = 0] = values;
    try {
      if (stdin >= 0) this.streams.stdin = this.#pipes?.openInput(pid, stdin) ?? null;
      if (stdout >= 0) this.streams.stdout = this.#pipes?.openOutput(pid, stdout) ?? null;
      if (stderr >= 0) this.streams.stderr = this.#pipes?.openOutput(pid, stderr) ?? null;
    } catch (cause) {
      // Mostly because the set-up has failed already: what it says about that counts more.
      this.#pipesFailure = new LibctError("ERR_CT_EXECUTOR", "cannot open the container's pipes", { cause });
    }
    this.#run.go(new Uint8Array(0));
  }

  /** The process waits until it is in the scope. */
  async #askSystemd(pid: number): Promise<void> {
    try {
      const { enterScope, makeScope } = await import("./scope.ts");
      const { attach, cgroup } = this.#resolved;
      if (attach) await enterScope(attach, pid);
      else if (cgroup?.scope) await makeScope(cgroup.scope, cgroup.handle, pid);
      this.#hasScope = attach === undefined;
      this.#run.go(new Uint8Array(0));
    } catch (error) {
      this.#giveUp(error as LibctError);
    }
  }

  #asked(code: number, bytes: Uint8Array): void {
    if (code === REPORT.NETLINK) {
      this.#answer ??= bytes.slice();
      return;
    }
    if (code === REPORT.MEMORY_EVENTS) {
      this.#oomKilled = tellsOfOomKill(bytes);
      return;
    }
    const text = Buffer.from(bytes).toString("utf8");
    if (code === QUESTION.HOME) {
      this.#run.go(homeVariable(this.#resolved.user, text));
      return;
    }
    this.#texts[code] = text;
    if (code !== QUESTION.GROUP) return;
    try {
      const user = String(this.#resolved.user);
      this.#run.go(lookUpUser(user, this.#texts[QUESTION.PASSWD] ?? "", this.#texts[QUESTION.GROUP] ?? ""));
    } catch (error) {
      this.#giveUp(error as LibctError);
    }
  }

  #failed(failure: Failure): void {
    this.#failure ??= failure;
    const { record } = this.#resolved;
    // What could not be made at first is not tried again.
    if (record?.restart) writeFileSync(`${record.directory}/${RECORD_FILE.STOP}`, "");
  }

  #done(error: LibctError | undefined): void {
    if (this.#lost) {
      this.#cleanUp().then(
        () => this.#reject(error ?? noStatus()),
        (cause: LibctError) => this.#reject(cause),
      );
      return;
    }
    const { nics, features } = this.#resolved;
    const lent = nics?.plans.filter(({ keepsNamespace }) => keepsNamespace) ?? [];
    if (!this.#failure || lent.length === 0 || !features) {
      this.#end(error);
      return;
    }
    // What the monitor said of it is told, whatever becomes of it now.
    const end = () => this.#end(error);
    import("./return-nics.ts")
      .then(({ returnLent }) => returnLent({ features, runner: this.#zygote }, lent))
      .then(end, end);
  }

  #end(error: LibctError | undefined): void {
    const { scope } = this.cgroup ?? {};
    if (!scope) this.#settle(error);
    // An error is that of an executor which has gone: the container may go on without it.
    else if (error || !this.#hasScope) this.#settle(error);
    else
      removeScope(scope).then(
        () => this.#settle(),
        (left: LibctError) => this.#settle(undefined, left),
      );
  }

  #settle(error?: LibctError, left?: LibctError): void {
    const failure = this.#failure ?? error ?? this.#pipesFailure ?? left ?? this.#removeCgroup();
    if (!failure && this.#exit) this.#settleEnded?.resolve(exitStatus(this.#exit, this.#oomKilled));
    else if (!failure || failure instanceof LibctError) this.#reject(failure ?? noStatus());
    else {
      const said = this.#texts[REPORT.NET_PROCESS];
      errorOf(this.#program, failure, this.#answer, said).then((reason) => this.#reject(reason));
    }
  }

  #reject(reason: LibctError): void {
    this.#settleStarted?.reject(reason);
    this.#settleEnded?.reject(reason);
  }

  /** What the monitor would have done; its container has died with it (PR_SET_PDEATHSIG of prctl(2)). */
  async #cleanUp(): Promise<void> {
    const { clearCgroup } = await import("./repair.ts");
    if (!this.cgroup?.scope || this.#hasScope) await clearCgroup(this.cgroup);
    const { record, nics, features } = this.#resolved;
    if (nics && features) {
      const { undoNics } = await import("./repair-nics.ts");
      await undoNics(nics.plans, { features, runner: this.#zygote });
    }
    if (record?.autoRemove) rmSync(record.directory, { recursive: true, force: true });
  }

  /** The monitor has removed it, but for cgroups that the container itself has made in it. systemd removes those of its scopes as well. */
  #removeCgroup(): LibctError | undefined {
    try {
      if (this.cgroup && !this.cgroup.scope) removeCgroup(this.cgroup);
      return undefined;
    } catch (error) {
      if (error instanceof LibctError) return error;
      throw error;
    }
  }
}

/** systemd removes it by itself, and this waits for that. */
const removeScope = async (scope: CgroupScope) => (await import("./scope.ts")).endScope(scope);

/** What turns failures into errors is loaded when something fails: it takes longer than many a command. */
const errorOf = async (program: Program, failure: Failure, answer?: Uint8Array, said?: string) =>
  (await import("./failures.ts")).failureError(program, failure, answer, said);

const noStatus = () => new LibctError("ERR_CT_EXECUTOR", "the container ended without an exit status");

function findRegister(program: Program, name: string): Register | undefined {
  for (const block of program.blocks) {
    for (const { dst } of block.ops) if (dst?.name === name) return dst;
  }
  return undefined;
}

/** Throws ERR_CT_USAGE for what is no signal. */
