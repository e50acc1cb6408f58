export type { ManagerKind } from "./address.ts";
export { checkLimits, planScope, startScope, updateScope } from "./scope.ts";
export { Systemd } from "./systemd.ts";
