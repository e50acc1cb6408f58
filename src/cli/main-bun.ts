// The entry of the single-file `ct` that Bun builds (scripts/build-bin.sh): it carries the executor in itself.
import { useExecutor } from "../executor/index.ts";
import { extractExecutor } from "./embedded-executor.ts";
import { main } from "./program.ts";

/** Put in at build time. */
declare const CT_VERSION: string;

useExecutor(extractExecutor);

process.exitCode = await main(process.argv.slice(2), CT_VERSION);
