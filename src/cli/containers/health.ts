import type { HealthReport } from "../../host/index.ts";
import type { Globals } from "../command.ts";
import { print } from "../output.ts";
import { onlyName, withHost } from "./with-host.ts";

export interface HealthCommandFlags {
  readonly watch?: true;
  readonly json?: true;
}

/** `ct health NAME`: checks it now. With --watch it makes the checks at the container's intervals: what `ct run -d --health-cmd` leaves in the background. */
export function health(words: readonly string[], flags: HealthCommandFlags, globals: Globals): Promise<number> {
  const name = onlyName(words);
  return withHost(globals, async (host) => {
    const container = await host.open(name);
    const tell = (report: HealthReport) =>
      print(process.stdout, `${flags.json ? JSON.stringify({ name, ...report }) : textOf(name, report)}\n`);
    if (!flags.watch) {
      const report = await container.checkHealth();
      await tell(report);
      return report.last?.exitCode === 0 ? 0 : 1;
    }
    const stop = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
    for await (const report of container.health(stop.signal)) await tell(report);
    return 0;
  });
}

/** What a check has written may be anything: it stands in one line, and as JSON whole. */
function textOf(name: string, { status, failingStreak, last }: HealthReport): string {
  const streak = failingStreak > 0 ? ` (${failingStreak} failed in a row)` : "";
  const [line = ""] = (last?.output ?? "").split("\n");
  const said = line === "" ? "" : `: ${line.replace(/\p{Cc}/gu, "?")}`;
  return `${name} ${status}${streak}${said}`;
}
