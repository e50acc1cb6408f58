import type { OciConfig } from "./config.ts";
import type { RootlessUser } from "./default-config.ts";
import type { FeaturesOptions, OciFeatures } from "./features.ts";

export type * from "./config.ts";
export type * from "./config-linux.ts";
export { importBundle } from "./import.ts";
export { inConfig, memberInConfig } from "./members.ts";
export { parseConfig, parseProcess, parseResources } from "./parse.ts";
export { type ProcessContext, translateProcess } from "./process.ts";
export { translateResources } from "./resources.ts";
export { type Translation, type TranslationContext, translateConfig } from "./translate.ts";
export type { Warn } from "./translation.ts";
export { OCI_VERSION_MIN } from "./version.ts";
export type { FeaturesOptions, OciFeatures, RootlessUser };

/** What `spec` writes. Loaded when it is asked for: no container needs it. */
export const defaultConfig = async (rootless?: RootlessUser): Promise<OciConfig> =>
  (await import("./default-config.ts")).defaultConfig(rootless);

/** What `features` prints; loaded when it is asked for. */
export const ociFeatures = async (version: string, options: FeaturesOptions = {}): Promise<OciFeatures> =>
  (await import("./features.ts")).ociFeatures(version, options);
