import type { Zygote } from "../executor/index.ts";
import type { RecordStore } from "../records/index.ts";
import type { Container } from "./container.ts";
import type { Plans } from "./plans.ts";
import type { Surroundings } from "./resolve.ts";

/** What a container needs of its Host. */
export interface ContainerHost {
  readonly zygote: Zygote;
  /** One that has these descriptors of this process; for one program. */
  passing(fds: readonly number[]): Promise<Zygote>;
  /** Where containers are written down that others can find; loaded when there is one. */
  records(): Promise<RecordStore>;
  surroundings(): Promise<Surroundings>;
  /** What was made of specifications lately. */
  plans(): Promise<Plans>;
  /** Called when the container's processes are gone for good. */
  forget(container: Container): void;
}
