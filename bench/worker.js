// Makes containers in its own process, on demand: `node worker.js ROOT` or `bun worker.js ROOT`. Reads a line `MODE COUNT`, answers with a line of JSON.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Host, standard } from "../dist/index.js";

const root = process.argv[2];
const host = await Host.open();
const spec = { ...standard({ userNamespace: false }), root };
const quiet = { stdout: "ignore", stderr: "ignore" };

async function once() {
  const container = await host.create(spec);
  const child = await container.start(["/bin/true"], quiet);
  await child.wait();
  await container[Symbol.asyncDispose]();
}

const modes = {
  /** Milliseconds of each container, one after the other. */
  async serial(count) {
    const samples = [];
    for (let i = 0; i < count; i++) {
      const begun = performance.now();
      await once();
      samples.push(performance.now() - begun);
    }
    return samples;
  },
  /** Milliseconds of each process that enters a container which runs. */
  async enter(count) {
    const container = await host.create(spec);
    await container.start(["/bin/sleep", "1000"], quiet);
    const samples = [];
    for (let i = 0; i < count; i++) {
      const begun = performance.now();
      const child = await container.exec(["/bin/true"], quiet);
      await child.wait();
      samples.push(performance.now() - begun);
    }
    await container[Symbol.asyncDispose]();
    return samples;
  },
  /** Containers per second, sixteen at a time. */
  async parallel(count) {
    const begun = performance.now();
    let left = count;
    const lane = async () => {
      while (left-- > 0) await once();
    };
    await Promise.all(Array.from({ length: 16 }, lane));
    return count / ((performance.now() - begun) / 1000);
  },
  /** Many at once: milliseconds per start for each hundred, memory in KiB, milliseconds to stop all. */
  async alive(count) {
    const perHundred = [];
    let begun = performance.now();
    for (let i = 1; i <= count; i++) {
      const container = await host.create(spec);
      await container.start(["/bin/sleep", "1000"], quiet);
      if (i % 100 !== 0) continue;
      perHundred.push((performance.now() - begun) / 100);
      begun = performance.now();
    }
    const monitors = readFileSync(`/proc/${host.executorPid}/task/${host.executorPid}/children`, "utf8")
      .trim()
      .split(" ");
    const listed = host.containers.length;
    const executor = memory(host.executorPid).rss;
    const each = monitors.map((pid) => memory(pid).private).sort((a, b) => a - b);
    begun = performance.now();
    await Promise.all(host.containers.map((container) => container[Symbol.asyncDispose]()));
    const stop = performance.now() - begun;
    // A monitor that has said that all is cleaned up needs a moment to exit.
    await new Promise((resolve) => setTimeout(resolve, 200));
    const left = readFileSync(`/proc/${host.executorPid}/task/${host.executorPid}/children`, "utf8").trim();
    return { listed, perHundred, executor, monitor: each[each.length >> 1], stop, left };
  },
};

function memory(pid) {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const value = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1]);
  return { rss: value("Rss"), private: value("Private_Clean") + value("Private_Dirty") };
}

for await (const line of createInterface({ input: process.stdin })) {
  const [mode, count] = line.split(" ");
  console.log(JSON.stringify(await modes[mode](Number(count))));
}
await host[Symbol.asyncDispose]();
