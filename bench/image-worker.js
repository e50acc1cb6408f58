// Runs a command over a present image, or over a directory, in its own process: `node image-worker.js STORE IMAGE LOWER...`. Reads a line `MODE COUNT`, answers with a line of JSON.
import { createInterface } from "node:readline";
import { Host, overlay } from "../dist/index.js";

const [store = "", image = "", ...lower] = process.argv.slice(2);
const host = await Host.open({ stateDirectory: `${store}/state`, dataDirectory: `${store}/data` });

const modes = {
  image: { image },
  overlay: { root: overlay({ lower }) },
};

/** Milliseconds of each run. */
async function serial(mode, count) {
  const samples = [];
  for (let i = 0; i < count; i++) {
    const begun = performance.now();
    const { exitCode } = await host.run(["/bin/true"], modes[mode]);
    samples.push(performance.now() - begun);
    if (exitCode !== 0) throw new Error(`/bin/true ended with status ${exitCode}`);
  }
  return samples;
}

for await (const line of createInterface({ input: process.stdin })) {
  const [mode = "", count] = line.split(" ");
  console.log(JSON.stringify(await serial(mode, Number(count))));
}
await host[Symbol.asyncDispose]();
