import type { RootDriver } from "../spec/index.ts";

/** An empty root in memory: for containers that are put together from bind mounts. */
export function tmpfsRoot(options: { readonly size?: string } = {}): RootDriver {
  return {
    type: "tmpfs",
    plan({ scratch }) {
      const data = options.size === undefined ? "mode=755" : `mode=755,size=${options.size}`;
      return { path: scratch, steps: [{ do: "mount", source: "tmpfs", target: scratch, type: "tmpfs", data }] };
    },
  };
}
