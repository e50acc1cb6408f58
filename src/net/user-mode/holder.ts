import { findProgram } from "../../fs/index.ts";
import type { NetProcess } from "../../spec/index.ts";
import { planPasta } from "./pasta.ts";
import { userModeProgram } from "./program.ts";
import { planSlirp4netns } from "./slirp4netns.ts";

/** The interface by which an ordinary user's networks are connected to the host's. */
const NAME = "out0";

/** The better one of the programs that are installed. */
export const userModeKind = (): "pasta" | "slirp4netns" =>
  findProgram("pasta") === undefined && findProgram("slirp4netns") !== undefined ? "slirp4netns" : "pasta";

/** What connects an ordinary user's networks to the host's. */
export function holderConnection(): NetProcess {
  const kind = userModeKind();
  const program = userModeProgram(kind, undefined, "nics");
  const common = { name: NAME, program, ports: [] };
  const { setUp } =
    kind === "pasta"
      ? planPasta({ type: "pasta" }, { ...common, root: false })
      : planSlirp4netns({ type: "slirp4netns" }, { ...common, socket: "" });
  const step = setUp.find((one) => one.do === "process");
  if (!step) throw new RangeError("a plan without its program");
  return step;
}
