// Unpacks layers at once, each in a directory below the first argument; tells its peak memory.
import { createReadStream, mkdirSync } from "node:fs";
import { startExecutor } from "../src/executor/index.ts";
import { unpackTar } from "../src/image/index.ts";

const [target = "", ...layers] = process.argv.slice(2);
mkdirSync(target);
const { zygote } = await startExecutor();
await Promise.all(
  layers.map((layer, index) =>
    unpackTar({
      executor: zygote,
      directory: `${target}/${index}`,
      content: createReadStream(layer, { highWaterMark: 256 * 1024 }),
      whiteouts: "overlay",
    }),
  ),
);
await zygote.close();
console.log(JSON.stringify({ maxrss: process.resourceUsage().maxRSS * 1024 }));
