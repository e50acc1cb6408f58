export { findMachine, type Machine } from "./find.ts";
export { importNspawn } from "./translate.ts";
