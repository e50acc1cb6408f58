import { compileContainer, type Resolved } from "../compile/index.ts";
import { LibctError } from "../errors.ts";
import { encodeProgram } from "../program/index.ts";
import { type ContainerSpec, validateSpec } from "../spec/index.ts";
import type { Compiled } from "./launch.ts";
import { Recent } from "./recent.ts";

/** Containers of the same kind follow each other, and what is made of a specification is a large part of their time. */
export class Plans {
  readonly #specs = new Recent<ContainerSpec, ContainerSpec>(MOST_RECENT);
  readonly #programs = new Recent<object, Compiled>(MOST_PROGRAMS);

  /** A valid specification equals what comes of its validation. */
  validate(spec: ContainerSpec): ContainerSpec {
    const known = this.#specs.find(spec);
    if (known) return known;
    const valid = validateSpec(spec);
    return this.#specs.add(valid, valid);
  }

  compile(given: Resolved): Compiled {
    // First what is most likely to differ. The root's driver has made its plan: it may be another object with the same plan.
    const resolved = { networks: given.networks, ...given, spec: { ...given.spec, root: undefined } };
    const known = this.#programs.find(resolved);
    if (known) return known;
    return this.#programs.add(resolved, compile(given));
  }
}

export function compile(resolved: Resolved): Compiled {
  try {
    const program = compileContainer(resolved);
    return { program, bytes: encodeProgram(program) };
  } catch (error) {
    throw error instanceof RangeError ? tooLarge(error) : error;
  }
}

const MOST_RECENT = 4;
/** Of containers that are there at the same time on one network each has another address. */
const MOST_PROGRAMS = 16;

const tooLarge = (cause: RangeError) =>
  new LibctError("ERR_CT_INVALID_SPEC", `the specification is too large: ${cause.message}`, {
    hint: "give a long command or environment to the process in a file",
    cause,
  });
