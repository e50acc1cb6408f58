import type { Resolved } from "../compile/index.ts";
import { kernelFeatures } from "../linux/index.ts";
import type { Tried } from "../net/index.ts";
import { type ContainerSpec, type RootPlan, validateProcess } from "../spec/index.ts";
import type { ContainerHost } from "./container-host.ts";
import { isRecorded } from "./is-recorded.ts";
import { isPlain, plainNamespaces } from "./plain-start.ts";
import { planRoot, resolveContainer } from "./resolve.ts";
import { type Command, type StartOptions, streamsOf } from "./start-options.ts";

/** A start of a container. */
export interface PlannedStart {
  readonly host: ContainerHost;
  readonly name: string;
  readonly spec: ContainerSpec;
  /** Undefined: that of the specification. */
  readonly command: Command | undefined;
  readonly options: StartOptions;
  /** Its command waits to be let go. */
  readonly held: boolean;
  /** Takes what is to be done when it stands, or has failed. */
  readonly whenMade?: (action: () => void) => void;
  /** Addresses and ports that were not free after all. */
  readonly tried?: Tried | undefined;
}

/** The root's driver may be another object each time: it is its plan that counts. */
const withoutRoot = ({ root: _, ...spec }: ContainerSpec): ContainerSpec => spec;

/** What the compiler must know for it; `kernel` is one to pretend, such as "4.19". */
export async function planStart(start: PlannedStart, kernel?: string): Promise<Resolved> {
  const { host, name, spec, command, options, held, tried, whenMade } = start;
  const given = command === undefined ? {} : "args" in command ? command : { args: command };
  const surroundings = await host.surroundings();
  const features = kernel === undefined ? surroundings.features : kernelFeatures(kernel);
  const streams = streamsOf(options, spec);
  const resolve = (root?: RootPlan) => {
    const process = validateProcess({ ...spec.process, ...given });
    const named = { ...surroundings, features, name, tried, root };
    return resolveContainer(spec, process, streams, whenMade ? { ...named, whenMade } : named);
  };
  if (isPlain(spec, given, surroundings.caller)) {
    const root = await planRoot(spec, { ...surroundings, features }, plainNamespaces(spec));
    return await (await host.plans()).resolve({ spec: withoutRoot(spec), given, streams, features, root }, () =>
      resolve(root),
    );
  }
  const resolved = await resolve();
  if (!isRecorded(spec)) return resolved;
  const { planRecord } = await import("./record-plan.ts");
  const directory = (await host.records()).path(name);
  return { ...resolved, record: planRecord(spec, resolved.process, directory, held) };
}
