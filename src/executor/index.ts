export { hostArch, locateExecutor, useExecutor } from "./locate.ts";
export { probeFeatures } from "./probe.ts";
export { type ProgramRunner, tryChild } from "./try-child.ts";
export { type CallResult, type Exit, type Failure, type ProgramRun, readExit, Zygote } from "./zygote.ts";
