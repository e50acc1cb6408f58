import type { Executor } from "../../executor/index.ts";
import type { Invocation } from "../action.ts";
import type { Globals } from "../command.ts";
import { detach } from "./detach.ts";

/** `ct create`: a container that stands, and whose command waits for `ct start`. */
export const create = (invocation: Invocation, executor: Executor, globals: Globals): Promise<number> =>
  detach(invocation, executor, globals, true);
