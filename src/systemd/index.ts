export type { ManagerKind } from "./address.ts";
export { planScope, startScope, updateScope } from "./scope.ts";
export { Systemd } from "./systemd.ts";
