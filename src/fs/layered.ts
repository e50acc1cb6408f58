import { LibctError } from "../errors.ts";
import type { RootContext, RootPlan, RootStep } from "../spec/index.ts";
import { fuseOverlaySteps, requireFuse } from "./fuse-overlay.ts";
import { overlayMount, overlayOptions, scratchSteps } from "./overlay.ts";

export interface Layered {
  /** Directories in overlay's form, the topmost first. */
  readonly lower: readonly string[];
  /** Where "upper" and "work" are made, and what the container changes stays. Absent: in memory, as large as `size` says. */
  readonly directory?: string | undefined;
  readonly size?: string | undefined;
  /** The permissions of "/". */
  readonly mode: number;
  /** What lies over the lower directories, and is not the container's own work: it is in memory. Directories first, as paths from "/" on. */
  readonly above?: readonly (AboveDirectory | AboveFile)[] | undefined;
}

interface AboveDirectory {
  readonly path: string;
  readonly mode: number;
}

interface AboveFile {
  readonly path: string;
  readonly content: string;
}

/** An image's layers as one root, by the kernel's overlay, or by fuse-overlayfs where a user namespace may not have that. */
export function planLayered(context: RootContext, layered: Layered): RootPlan {
  const base = layered.directory ?? context.scratch;
  const [upper, work, root] = [`${base}/upper`, `${base}/work`, `${context.scratch}/root`];
  const steps: RootStep[] = [
    ...scratchSteps(context, layered.size),
    { do: "mkdir", path: root, mode: 0o755 },
    { do: "mkdir", path: upper, mode: layered.mode },
    { do: "mkdir", path: work, mode: 0o755 },
    ...aboveSteps(context, layered),
  ];
  const lower = layered.above ? [placeAbove(context), ...layered.lower] : layered.lower;
  const byFuse = context.userNamespace && !context.overlayInUserNamespace;
  if (byFuse) requireFuse();
  const place: Overlaid = { lower, upper, work, target: root, more: layered.above ? INDEX_OFF : [] };
  const mounting = byFuse ? fuseOverlaySteps(lower, upper, work, root) : byKernel(context, place);
  return { path: root, steps: [...steps, ...mounting] };
}

/** With an index the kernel would insist that the topmost lower directory is the one of the last time (overlayfs.rst, "Index"), and that one was in memory. */
const INDEX_OFF = ["index=off"];

interface Overlaid {
  readonly lower: readonly string[];
  readonly upper: string;
  readonly work: string;
  readonly target: string;
  readonly more: readonly string[];
}

const placeAbove = ({ scratch }: RootContext): string => `${scratch}/above`;

function aboveSteps(context: RootContext, { above }: Layered): readonly RootStep[] {
  if (!above) return [];
  const base = placeAbove(context);
  const steps = above.map((one): RootStep => {
    const path = `${base}${one.path}`;
    return "content" in one ? { do: "file", path, content: one.content } : { do: "mkdir", path, mode: one.mode };
  });
  return [{ do: "mkdir", path: base, mode: 0o755 }, ...steps];
}

/** The options of a mount fit into a page (mount(2)); some of it is for the rest of them, and for a label. */
const ROOM = 3500;

/** Layers whose names are too long for that are given short ones. */
function byKernel(context: RootContext, { lower, upper, work, target, more }: Overlaid): readonly RootStep[] {
  const plain = overlayMount(context, lower, upper, work, target, more);
  if (overlayOptions(context, lower, upper, work).length <= ROOM) return [plain];
  const links = `${context.scratch}/l`;
  const names = lower.map((_, index) => index.toString(36));
  if (overlayOptions(context, names, upper, work).length > ROOM) throw tooManyLayers(lower.length);
  return [
    { do: "mkdir", path: links, mode: 0o755 },
    ...lower.map((path, index): RootStep => ({ do: "symlink", path: `${links}/${names[index]}`, target: path })),
    { do: "chdir", path: links },
    overlayMount(context, names, upper, work, target, more),
    { do: "chdir", path: "/" },
  ];
}

/** The kernel takes 500 (OVL_MAX_STACK), docker makes 127. */
const tooManyLayers = (count: number) =>
  new LibctError("ERR_CT_NOT_SUPPORTED", `an image of ${count} layers has more than an overlay takes`, {
    member: "root",
    hint: "build it with fewer layers: docker build --squash, or docker export and `ct image import`",
  });
