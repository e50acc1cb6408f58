import { compileNetWatch } from "../compile/index.ts";
import type { LibctError } from "../errors.ts";
import { hostArch, type ProgramRun, type ProgramRunner } from "../executor/index.ts";
import { decodeLink, decodeMessages, formatMac, type LinkInfo, NLMSG, RTM, SIG } from "../linux/index.ts";
import { encodeProgram, type Program, ProgramBuilder, type Register } from "../program/index.ts";
import { whenEnded } from "../records/index.ts";
import { failureError } from "./failures.ts";
import type { Surroundings } from "./resolve.ts";
import { namespacesOf, type RunningContainer, withTarget } from "./running-container.ts";

/** What has happened to an interface of a container. */
export interface LinkEvent {
  /** `changed`: its MTU, its MAC address or its name. */
  readonly type: "added" | "removed" | "up" | "down" | "changed";
  readonly name: string;
  readonly mtu?: number;
  readonly mac?: string;
}

/** What is compared: an interface that is up but has nobody at the other end is down. */
interface Seen {
  readonly name: string;
  readonly runs: boolean;
  readonly mtu?: number;
  readonly mac?: string;
}

/** IFF_UP and IFF_RUNNING (netdevice(7)) */
const RUNS = 0x41;

const seenOf = ({ name, flags, mtu, mac }: LinkInfo): Seen => ({
  name,
  runs: (flags & RUNS) === RUNS,
  ...(mtu === undefined ? {} : { mtu }),
  ...(mac?.length === 6 ? { mac: formatMac(mac) } : {}),
});

/** The interfaces that are known, by their indexes, and what messages of the kernel change about them. */
export class LinkWatch {
  readonly #known = new Map<number, Seen>();
  /** Those of a dump that is being told. Undefined: it was told, and single changes follow. */
  #dump: Set<number> | undefined = new Set();
  #isFirst = true;

  /** A dump follows, as another one listens now. */
  begin(): void {
    this.#dump = new Set();
  }

  /** What the messages say that is new. Of the first dump nothing is: it is how things are. */
  take(bytes: Uint8Array): readonly LinkEvent[] {
    const events = decodeMessages(bytes).flatMap((message): readonly LinkEvent[] => {
      if (message.type === NLMSG.DONE) return this.#endDump();
      const link = decodeLink({ ...message, type: RTM.NEWLINK });
      if (!link || (message.type !== RTM.NEWLINK && message.type !== RTM.DELLINK)) return [];
      return message.type === RTM.DELLINK ? this.#remove(link.index) : this.#see(link);
    });
    return events;
  }

  #see(link: LinkInfo): readonly LinkEvent[] {
    this.#dump?.add(link.index);
    const before = this.#known.get(link.index);
    const now = seenOf(link);
    this.#known.set(link.index, now);
    return this.#isFirst ? [] : differences(before, now);
  }

  #remove(index: number): readonly LinkEvent[] {
    const before = this.#known.get(index);
    this.#known.delete(index);
    return before ? [eventOf("removed", before)] : [];
  }

  #endDump(): readonly LinkEvent[] {
    const dump = this.#dump;
    this.#dump = undefined;
    this.#isFirst = false;
    return dump
      ? [...this.#known.keys()].filter((index) => !dump.has(index)).flatMap((index) => this.#remove(index))
      : [];
  }
}

function differences(before: Seen | undefined, now: Seen): readonly LinkEvent[] {
  if (!before) return [eventOf("added", now), ...(now.runs ? [eventOf("up", now)] : [])];
  const changed = before.name !== now.name || before.mtu !== now.mtu || before.mac !== now.mac;
  return [
    ...(changed ? [eventOf("changed", now)] : []),
    ...(before.runs === now.runs ? [] : [eventOf(now.runs ? "up" : "down", now)]),
  ];
}

const eventOf = (type: LinkEvent["type"], { runs: _, ...link }: Seen): LinkEvent => ({ type, ...link });

/** What happens to the interfaces of a container from now on, until it has ended or `signal` fires. */
export async function* linkEvents(
  { features, caller, runner }: Pick<Surroundings, "features" | "caller" | "runner">,
  container: RunningContainer,
  signal: AbortSignal | undefined,
): AsyncGenerator<LinkEvent, void, undefined> {
  const stop = new AbortController();
  const over = () => stop.abort();
  signal?.addEventListener("abort", over);
  if (signal?.aborted) over();
  whenEnded(runner, container.init).then(over, over);
  const watch = new LinkWatch();
  const userFirst = !caller.privileged && namespacesOf(container.spec).has("user");
  try {
    while (!stop.signal.aborted) {
      watch.begin();
      const listener = await withTarget(container, async ({ path }) => {
        const program = compileNetWatch({ arch: hostArch(), features, target: path, userFirst });
        const started = new Listener(runner, program, stop.signal);
        await started.listens;
        return started;
      });
      for await (const bytes of listener.messages()) yield* watch.take(bytes);
    }
  } finally {
    over();
    signal?.removeEventListener("abort", over);
  }
}

/** A program that listens, until it ends or `signal` fires. */
class Listener {
  /** It is in the container's network, and has told what is there. */
  readonly listens: Promise<void>;
  readonly #pieces: Uint8Array[] = [];
  #ended: { readonly error: LibctError | undefined } | undefined;
  #wake: () => void = () => undefined;

  constructor(runner: ProgramRunner, program: Program, signal: AbortSignal) {
    let failure: LibctError | undefined;
    let child: Register | undefined;
    this.listens = new Promise((resolve, reject) => {
      const run: ProgramRun = runner.run(encodeProgram(program), {
        notify: () => {
          child = program.blocks[0]?.ops.find(({ dst }) => dst?.name === "init")?.dst;
          if (signal.aborted) end();
        },
        data: (_, bytes) => {
          this.#pieces.push(bytes.slice());
          resolve();
          this.#wake();
        },
        fail: (failed) => {
          failure ??= failureError(program, failed);
        },
        done: (error) => {
          signal.removeEventListener("abort", end);
          this.#ended = { error: signal.aborted ? undefined : (failure ?? error) };
          if (signal.aborted) resolve();
          else reject(this.#ended.error);
          this.#wake();
        },
      });
      const end = () => {
        if (child) void run.call(killing(child));
      };
      signal.addEventListener("abort", end);
    });
  }

  async *messages(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece) yield piece;
      else if (!this.#ended) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else if (this.#ended.error) throw this.#ended.error;
      else return;
    }
  }
}

function killing(child: Register): Uint8Array {
  const program = new ProgramBuilder(hostArch());
  program.block("call").sys("kill", [child, SIG.KILL]);
  return encodeProgram(program.finish());
}
