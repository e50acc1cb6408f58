export { type ExecutorFile, hostArch, locateExecutor, useExecutor } from "./locate.ts";
export { type LockOptions, lock } from "./lock.ts";
export { type Executor, startExecutor } from "./start.ts";
export { type ProgramRunner, tryChild } from "./try-child.ts";
export { type CallResult, type Exit, type Failure, type ProgramRun, readExit, type Zygote } from "./zygote.ts";
