// The entry of the single-file `ct-runtime` that Bun builds (scripts/build-bin.sh): it carries the executor in itself.
import { useExecutor } from "../../executor/index.ts";
import { extractExecutor } from "../embedded-executor.ts";
import { runtimeMain } from "./program.ts";

/** Put in at build time. */
declare const CT_VERSION: string;

useExecutor(extractExecutor);

process.exit(await runtimeMain(process.argv.slice(2), CT_VERSION));
