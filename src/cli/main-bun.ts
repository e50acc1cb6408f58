import { Host } from "../host/index.ts";
import { extractExecutor } from "./embedded-executor.ts";
import { main } from "./program.ts";

// The entry of the single-file program (scripts/build-bin.sh). No await at the top: bytecode wants a CommonJS module, which has none.

/** Put in at build time. */
declare const CT_VERSION: string;

/** The zygote runs from a copy of its own in memory, so the file may go as soon as it has answered. */
async function openHost(): Promise<Host> {
  const executor = extractExecutor();
  try {
    return await Host.open({ executor: executor.path });
  } finally {
    executor.close();
  }
}

void main(process.argv.slice(2), CT_VERSION, openHost).then((status) => {
  process.exitCode = status;
});
