/** What is written to a file to have again what it said before, in the cases in which that is not what it said. Undefined: nothing needs to be written. */
export function restoring(file: string, before: string, written: string): string {
  const text = before.trim();
  if (file === "memory.oom_control") return /^oom_kill_disable (\d)/m.exec(text)?.[1] ?? "0";
  const key = keyOf(file, written);
  if (key !== undefined) return restoringLine(file, text, key);
  // An empty list of processors is written as a line.
  return text === "" ? "\n" : (text.split("\n")[0] ?? "");
}

/** Files with a line for each device, interface or resource take one line at a time. */
function keyOf(file: string, written: string): string | undefined {
  const [first = "", second] = written.split(" ");
  if (second === undefined || file === "cpu.max") return undefined;
  return first;
}

function restoringLine(file: string, text: string, key: string): string {
  const line = text.split("\n").find((one) => one.startsWith(`${key} `));
  if (line !== undefined) return line;
  return `${key} ${ABSENT.find(([pattern]) => pattern.test(file))?.[1] ?? "max"}`;
}

/** What a line that is not there stands for. */
const ABSENT: readonly (readonly [RegExp, string])[] = [
  [/^io\.max$/, "rbps=max wbps=max riops=max wiops=max"],
  [/^io\.(bfq\.)?weight$/, "default"],
  [/^io\.latency$/, "target=0"],
  [/^blkio\.|^net_prio\./, "0"],
  [/^rdma\.max$/, "hca_handle=max hca_object=max"],
];
