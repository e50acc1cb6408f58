import { Contestant } from "./contestant.ts";

/** What is started, and what it is asked each time. */
export interface Entry {
  readonly command: readonly string[];
  readonly ask: string;
}

/** All are asked in turns, so that what happens to the machine meanwhile happens to all. Gives their answers, but for those of the first round, which warms up. */
export async function takeTurns(
  entries: ReadonlyMap<string, Entry>,
  rounds: number,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const running = [...entries].map(([name, { command, ask }]) => ({
    name,
    ask,
    process: new Contestant(command),
    samples: [] as number[],
  }));
  for (let round = 0; round <= rounds; round++) {
    for (const one of running) {
      const answered = await one.process.ask<number[]>(one.ask);
      if (round > 0) one.samples.push(...answered);
    }
  }
  for (const one of running) await one.process.end();
  return new Map(running.map(({ name, samples }) => [name, samples]));
}
