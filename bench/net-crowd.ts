import type { Container, ContainerSpec, Host } from "../src/index.ts";
import { median, table } from "./statistics.ts";

const HUNDRED = 100;

/** How long each of many containers takes to start beside those that are there already: the median of each hundred, in milliseconds. */
async function crowd(host: Host, spec: ContainerSpec, count: number): Promise<readonly number[]> {
  const containers: Container[] = [];
  const samples: number[] = [];
  try {
    for (let number = 0; number < count; number++) {
      const begun = performance.now();
      const container = await host.create(spec);
      containers.push(container);
      await container.start(["/bin/sleep", "1000"], { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
      samples.push(performance.now() - begun);
    }
  } finally {
    await Promise.all(containers.map((container) => container[Symbol.asyncDispose]()));
  }
  return Array.from({ length: Math.ceil(count / HUNDRED) }, (_, index) =>
    median(samples.slice(index * HUNDRED, (index + 1) * HUNDRED)),
  );
}

/** Whether the last ones take longer than the first. */
export async function measureCrowds(host: Host, specs: Readonly<Record<string, ContainerSpec>>, count: number) {
  const found: Record<string, readonly number[]> = {};
  for (const [name, spec] of Object.entries(specs)) found[name] = await crowd(host, spec, count);
  const rows = Object.entries(found).map(([name, hundreds]) => [
    name,
    ...hundreds.map((one) => one.toFixed(1)),
    `${((hundreds.at(-1) ?? Number.NaN) / (hundreds[0] ?? Number.NaN)).toFixed(2)}x`,
  ]);
  const hundreds = Array.from({ length: Math.ceil(count / HUNDRED) }, (_, index) => `${(index + 1) * HUNDRED}`);
  console.log(`${table([[`${count} alive, ms each, until`, ...hundreds, "last/first"], ...rows])}\n`);
  return found;
}
