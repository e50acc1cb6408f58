import { startExecutor } from "../../executor/index.ts";
import { Host } from "../../host/index.ts";
import { type RuntimeGlobals, stateDirectory } from "./globals.ts";

/** With `later` the executor is started when it is needed. */
export async function openHost(globals: RuntimeGlobals, later: boolean): Promise<Host> {
  const started = await startExecutor(undefined, { later });
  return await Host.open({ started, stateDirectory: await stateDirectory(globals) });
}
