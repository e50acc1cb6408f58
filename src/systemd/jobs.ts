import { existsSync } from "node:fs";
import type { Connection } from "./connection.ts";
import type { Message } from "./message.ts";
import type { Value } from "./value.ts";

/** Whether systemd is this machine's init (sd_booted(3)). */
export const isBooted = (): boolean => existsSync("/run/systemd/system");

/** How systemd's job ended that `begin` has made: "done", "failed", "timeout", ... The signal may come before the reply that says which job it was. */
export async function waitForJob(connection: Connection, begin: () => Promise<readonly Value[]>): Promise<string> {
  const ended = new Map<string, string>();
  let heard: () => void = () => undefined;
  const stop = connection.listen((signal: Message) => {
    if (signal.member !== "JobRemoved" || signal.signature !== "uoss") return;
    const [, job, , result] = signal.body ?? [];
    ended.set(String(job), String(result));
    heard();
  });
  try {
    const job = String((await begin())[0]);
    return await connection.wait<string>(`the job ${job}`, (resolve) => {
      heard = () => {
        const result = ended.get(job);
        if (result !== undefined) resolve(result);
      };
      heard();
      return stop;
    });
  } finally {
    stop();
  }
}
