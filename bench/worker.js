// Makes containers in its own process, on demand: `node worker.js ROOT` or `bun worker.js ROOT`. Reads a line `MODE COUNT`, answers with a line of JSON.
import fs, { readFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
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

const meter = await host.meter();

const readings = {
  usage: () => host.usage(),
  table: () => host.stats({ parts: ["cpu", "memory", "pids", "io"] }),
  stats: () => host.stats(),
};

/** The same by files that stay open. */
const metered = {
  usage: () => meter.usage(),
  table: () => meter.stats({ parts: ["cpu", "memory", "pids", "io"] }),
  stats: () => meter.stats(),
};

async function timed(action) {
  const begun = performance.now();
  await action();
  return [performance.now() - begun];
}

async function filesOpenedBy(action) {
  const { openSync } = fs;
  const opened = [];
  fs.openSync = (path, ...rest) => {
    opened.push(path);
    return openSync(path, ...rest);
  };
  syncBuiltinESMExports();
  try {
    await action();
  } finally {
    fs.openSync = openSync;
    syncBuiltinESMExports();
  }
  return opened;
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
  /** Containers with cgroups, which stay: the directories of each. */
  async crowd(count) {
    for (let i = 0; i < count; i++) {
      const container = await host.create({ ...spec, resources: {} });
      await container.start(["/bin/sleep", "1000"], { stdin: "ignore", ...quiet });
    }
    return host.containers.map(({ cgroup }) => cgroup.directories.map(({ path }) => path));
  },
  /** For each reading the files that it opens of one container, as [number of its directory, name]; in Node alone, since Bun lets nobody watch. */
  async files() {
    const { directories } = host.containers[0].cgroup;
    const opened = {};
    for (const [name, read] of Object.entries(readings)) {
      await read(); // What is only looked for the first time is no part of it.
      opened[name] = (await filesOpenedBy(read)).flatMap((path) => {
        const at = directories.findIndex((directory) => path.startsWith(`${directory.path}/`));
        return at < 0 ? [] : [[at, path.slice(directories[at].path.length + 1)]];
      });
    }
    return opened;
  },
  usage: () => timed(readings.usage),
  table: () => timed(readings.table),
  stats: () => timed(readings.stats),
  "meter-usage": () => timed(metered.usage),
  "meter-table": () => timed(metered.table),
  "meter-stats": () => timed(metered.stats),
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
