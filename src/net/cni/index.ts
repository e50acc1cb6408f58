export { type FoundAttachment, findLeftAttachments, readResult } from "./attachment.ts";
export { planCheck } from "./check.ts";
export { cni } from "./driver.ts";
export { environment, execution, undoing } from "./execution.ts";
export { findNetwork, findPlugin, pluginDirs } from "./find.ts";
export { isVersionSince, parseNetwork } from "./network.ts";
export { type CniResult, decodeResult, resultOf } from "./result.ts";
