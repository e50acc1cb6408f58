import { readlinkSync } from "node:fs";
import { invalid } from "../errors.ts";
import { startExecutor, type Zygote } from "../executor/index.ts";
import { LIMIT } from "../program/index.ts";
import type { Launch } from "./launch.ts";

/** What runs programs, and can run one with descriptors of this process. */
export interface Passer {
  readonly zygote: Zygote;
  passing?(fds: readonly number[]): Promise<Zygote>;
}

/** Executors that have descriptors of this process, each for one program: they are inherited when an executor is started. */
export class PassingExecutors {
  readonly #path: string | undefined;
  readonly #open = new Set<Zygote>();

  constructor(path: string | undefined) {
    this.#path = path;
  }

  async start(fds: readonly number[]): Promise<Zygote> {
    checkDescriptors(fds);
    const { zygote, ready } = await startExecutor(this.#path, { passed: fds });
    await ready;
    this.#open.add(zygote);
    return zygote;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map((zygote) => zygote.close()));
  }
}

/** Runs what `make` makes with the descriptors, if there are any; its executor goes with it. */
export async function launchWith(
  passer: Passer,
  fds: readonly number[] | undefined,
  make: (zygote: Zygote) => Launch,
): Promise<Launch> {
  if (!fds || fds.length === 0) return make(passer.zygote);
  if (!passer.passing) throw invalid("fds", fds, "none: this host passes no descriptors");
  const zygote = await passer.passing(fds);
  const close = () => void zygote.close();
  try {
    const launch = make(zygote);
    launch.ended.then(close, close);
    return launch;
  } catch (error) {
    close();
    throw error;
  }
}

function checkDescriptors(fds: readonly number[]): void {
  if (fds.length > LIMIT.MAX_PASSED) throw invalid("fds", fds.length, `at most ${LIMIT.MAX_PASSED} descriptors`);
  fds.forEach((fd, index) => {
    if (!Number.isInteger(fd) || fd < 0 || !isOpen(fd)) throw invalid(`fds[${index}]`, fd, "an open descriptor");
  });
}

function isOpen(fd: number): boolean {
  try {
    readlinkSync(`/proc/self/fd/${fd}`);
    return true;
  } catch {
    return false;
  }
}
