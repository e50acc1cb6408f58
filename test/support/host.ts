import { Host } from "../../src/index.ts";

/** A Host for tests; LIBCT_TEST_EXECUTOR names another executor to try. */
export function openHost(): Promise<Host> {
  const executor = process.env.LIBCT_TEST_EXECUTOR;
  return Host.open(executor ? { executor } : {});
}

/** The same with a store of images of its own. */
export function openImageHost(dataDirectory: string): Promise<Host> {
  const executor = process.env.LIBCT_TEST_EXECUTOR;
  return Host.open({ dataDirectory, ...(executor ? { executor } : {}) });
}
