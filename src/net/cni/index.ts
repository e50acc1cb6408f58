export { readResult, readSteps } from "./attachment.ts";
export { type CniPlace, cniDriver } from "./driver.ts";
export { environment, execution, undoing } from "./execution.ts";
export { findNetwork, findPlugin, pluginDirs } from "./find.ts";
export { isVersionSince, parseNetwork } from "./network.ts";
export { type CniResult, decodeResult, resultOf } from "./result.ts";
