import { LibctError } from "../../errors.ts";
import { lock } from "../../executor/index.ts";
import { makeStore } from "./make-store.ts";
import type { Store } from "./place.ts";

const fileOf = ({ directory }: Store): string => `${directory}/lock`;

/** While something is added, nothing is collected: what is new has no name yet. Several processes may add at the same time. */
export async function adding<T>(store: Store, action: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  makeStore(store);
  return await lock(store.runner, fileOf(store), action, { shared: true, signal });
}

/** Alone with the store. Without `wait` undefined when somebody is adding. */
export async function alone<T>(
  store: Store,
  action: () => Promise<T>,
  { wait, signal }: { readonly wait: boolean; readonly signal?: AbortSignal | undefined },
): Promise<T | undefined> {
  makeStore(store);
  try {
    return await lock(store.runner, fileOf(store), action, { wait, signal });
  } catch (error) {
    if (error instanceof LibctError && error.errno === "EAGAIN" && error.path === fileOf(store)) return undefined;
    throw error;
  }
}
