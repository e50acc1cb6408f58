export type * from "./config.ts";
export type * from "./config-linux.ts";
export { parseConfig, parseProcess, parseResources } from "./parse.ts";
export { type ProcessContext, translateProcess } from "./process.ts";
export { translateResources } from "./resources.ts";
export { type Translation, type TranslationContext, translateConfig } from "./translate.ts";
export type { Warn } from "./translation.ts";
export { OCI_VERSION, OCI_VERSION_MIN } from "./version.ts";
