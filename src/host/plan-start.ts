import type { Resolved } from "../compile/index.ts";
import { kernelFeatures } from "../linux/index.ts";
import type { Tried } from "../net/index.ts";
import { type ContainerSpec, validateProcess } from "../spec/index.ts";
import type { ContainerHost } from "./container-host.ts";
import { isRecorded } from "./is-recorded.ts";
import { resolveContainer } from "./resolve.ts";
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

/** What the compiler must know for it; `kernel` is one to pretend, such as "4.19". */
export async function planStart(start: PlannedStart, kernel?: string): Promise<Resolved> {
  const { host, name, spec, command, options, held, tried, whenMade } = start;
  const given = command === undefined ? {} : "args" in command ? command : { args: command };
  const process = validateProcess({ ...spec.process, ...given });
  const surroundings = await host.surroundings();
  const features = kernel === undefined ? surroundings.features : kernelFeatures(kernel);
  const streams = streamsOf(options, spec);
  const resolved = await resolveContainer(spec, process, streams, {
    ...surroundings,
    features,
    name,
    tried,
    ...(whenMade ? { whenMade } : {}),
  });
  if (!isRecorded(spec)) return resolved;
  const { planRecord } = await import("./record-plan.ts");
  const directory = (await host.records()).path(name);
  return { ...resolved, record: planRecord(spec, resolved.process, directory, held) };
}
