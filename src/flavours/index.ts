export { capabilityNames, setsOf, withoutCapabilities } from "./capabilities.ts";
export type { DeviceNode, ImportContext, Imported, Note } from "./imported.ts";
export { type Entry, type Settings, settingsOf } from "./settings.ts";
export { signalOf } from "./signal.ts";
export { lookUp } from "./table.ts";
export { splitWords } from "./words.ts";
