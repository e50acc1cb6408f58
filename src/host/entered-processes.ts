import { killOnAbort } from "./abort.ts";
import type { Launch } from "./launch.ts";
import { Process } from "./process.ts";

/** The processes that have entered a container: they end with it. */
export class EnteredProcesses {
  readonly #launches = new Set<Launch>();

  async add(launch: Launch, signal: AbortSignal | undefined): Promise<Process> {
    this.#launches.add(launch);
    const forget = () => this.#forget(launch);
    launch.ended.then(forget, forget);
    for (const stream of [launch.streams.stdout, launch.streams.stderr]) stream?.once("close", forget);
    const process = new Process(await launch.started, launch);
    killOnAbort(process, signal);
    return process;
  }

  /** In a pid namespace the kernel has killed them already (pid_namespaces(7)). */
  kill(): void {
    for (const launch of this.#launches) void launch.kill();
  }

  /** Kills them, and waits until nothing is left. */
  async end(): Promise<void> {
    this.kill();
    await Promise.all([...this.#launches].map((launch) => launch.ended.catch(() => undefined)));
    for (const launch of this.#launches) closeUnread(launch);
    this.#launches.clear();
  }

  /** One that has ended is kept as long as somebody may read what it has written. */
  #forget(launch: Launch): void {
    const { stdout, stderr } = launch.streams;
    launch.ended.then(
      () => (stdout?.closed ?? true) && (stderr?.closed ?? true) && this.#launches.delete(launch),
      () => this.#launches.delete(launch),
    );
  }
}

/** Output that nobody has begun to read is not wanted: its pipe would stay open. */
export function closeUnread({ streams }: Launch): void {
  for (const stream of [streams.stdout, streams.stderr]) if (stream && !stream.readableDidRead) stream.destroy();
}
