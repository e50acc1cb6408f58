export * from "./acknowledgement.ts";
export * from "./address.ts";
export * from "./attributes.ts";
export * from "./link.ts";
export * from "./message.ts";
export * from "./qdisc.ts";
export * from "./route.ts";
export * from "./rule.ts";
