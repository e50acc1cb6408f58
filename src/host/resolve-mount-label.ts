import type { ResolvedMount } from "../compile/index.ts";
import { invalid } from "../errors.ts";
import type { RootPlan } from "../spec/index.ts";
import { requireSelinux } from "./resolve-process.ts";

/** mount(2) takes a page of options and cuts off the rest without a word, and the label is the last of them. */
const MOST_OPTIONS = 4095;

/** Refuses a label that nobody would look at, or that would be cut off. */
export function requireMountLabel(label: string, mounts: readonly ResolvedMount[], steps: RootPlan["steps"]): void {
  requireSelinux("mountLabel");
  const roots = steps.flatMap((step) => (step.do === "mount" ? [step.data ?? ""] : []));
  const longest = Math.max(
    0,
    ...[...mounts.map(({ options }) => options.data), ...roots].map((data) => Buffer.byteLength(data)),
  );
  if (longest + `,context="${label}"`.length <= MOST_OPTIONS) return;
  throw invalid("mountLabel", label, `at most ${MOST_OPTIONS} bytes of options for a filesystem, with the label`);
}
