import type { ProgramRunner } from "../executor/index.ts";
import { decodeLimit, getQdiscs, type Limit, type LinkInfo } from "../linux/index.ts";
import type { NicCommon } from "../spec/index.ts";
import { limitBandwidth, restoreLimit } from "./bandwidth.ts";
import type { UndoableStep } from "./live-attach.ts";
import { askKernel } from "./look.ts";
import type { NetworkPaths } from "./network-state.ts";

/** What is limited, by the index of the interface that sends it. */
export interface BandwidthLimits {
  readonly host: readonly Limit[];
  readonly container: readonly Limit[];
}

export async function readLimits(runner: ProgramRunner, paths: NetworkPaths): Promise<readonly Limit[]> {
  const messages = await askKernel(runner, { ...paths, dumps: [getQdiscs()] }, "nics");
  return messages.flatMap((message) => decodeLimit(message) ?? []);
}

/** Both limits, or none: each can be taken back to what it was. */
export function changeBandwidth(
  name: string,
  bandwidth: NonNullable<NicCommon["bandwidth"]>,
  { link, outside }: { readonly link: LinkInfo; readonly outside: LinkInfo | undefined },
  limits: BandwidthLimits,
): readonly UndoableStep[] {
  const member = `nics.${name}`;
  return limitBandwidth(name, bandwidth, outside?.index, member).map((step): UndoableStep => {
    if (step.do !== "request") return { member, step };
    const { place } = step;
    const index = place === "host" ? outside?.index : link.index;
    const before = limits[place].find((one) => one.index === index)?.bucket;
    return { member, step, undo: [restoreLimit(place, place === "host" ? (outside?.index ?? name) : name, before)] };
  });
}
