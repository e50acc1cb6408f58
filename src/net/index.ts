export * from "./cni/index.ts";
