export * from "./managed/index.ts";
