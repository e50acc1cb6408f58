import { existsSync } from "node:fs";
import { NAMESPACE_TYPES, type NamespaceType } from "../../src/spec/index.ts";
import { NAMESPACE_FILES } from "./capture.ts";
import { openHost } from "./host.ts";
import { requires } from "./prerequisite.ts";

async function probe() {
  await using host = await openHost();
  return host.kernel();
}

/** What the kernel under these tests can do, by libct's own probe. */
export const kernel = await probe();

const exists = (type: NamespaceType): boolean => existsSync(`/proc/self/ns/${NAMESPACE_FILES[type]}`);

/** The types of namespaces that this kernel has been built with; that some are missing is said. */
export function kernelNamespaces(why: string): readonly NamespaceType[] {
  return NAMESPACE_TYPES.filter((type) => requires(`the ${type} namespace`, exists(type), why));
}
