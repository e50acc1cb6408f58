import { compileContainer, type Resolved, type ResolvedEntry } from "../compile/index.ts";
import { encodeProgram, type Program } from "../program/index.ts";
import { type ContainerSpec, validateSpec } from "../spec/index.ts";
import type { Compiled } from "./launch.ts";
import { Recent } from "./recent.ts";

/** Containers of the same kind follow each other, and so do commands in one: what is made of them is a large part of their time. */
export class Plans {
  readonly #specs = new Recent<ContainerSpec, ContainerSpec>(MOST_RECENT);
  readonly #starts = new Recent<object, Resolved>(MOST_RECENT);
  readonly #compiled = new WeakMap<Resolved, Compiled>();
  readonly #programs = new Recent<object, Compiled>(MOST_PROGRAMS);
  readonly #entries = new Recent<ResolvedEntry, Compiled>(MOST_RECENT);

  /** A valid specification equals what comes of its validation. */
  validate(spec: ContainerSpec): ContainerSpec {
    const known = this.#specs.find(spec);
    if (known) return known;
    const valid = validateSpec(spec);
    return this.#specs.add(valid, valid);
  }

  /** What a start comes to by all that is looked at for it. */
  async resolve(looked: object, resolve: () => Promise<Resolved>): Promise<Resolved> {
    return this.#starts.find(looked) ?? this.#starts.add(looked, await resolve());
  }

  compile(given: Resolved): Compiled {
    const same = this.#compiled.get(given);
    if (same) return same;
    // First what is most likely to differ. The root's driver has made its plan: it may be another object with the same plan.
    const resolved = { networks: given.networks, ...given, spec: { ...given.spec, root: undefined } };
    const compiled = this.#programs.find(resolved) ?? this.#programs.add(resolved, encoded(compileContainer(given)));
    this.#compiled.set(given, compiled);
    return compiled;
  }

  /** `write` is compileEnter, which containers that nobody enters do not load. */
  compileEntry(resolved: ResolvedEntry, write: (resolved: ResolvedEntry) => Program): Compiled {
    const known = this.#entries.find(resolved);
    if (known) return known;
    return this.#entries.add(resolved, encoded(write(resolved)));
  }
}

const encoded = (program: Program): Compiled => ({ program, bytes: encodeProgram(program) });

const MOST_RECENT = 8;
/** Containers on one network have each another address, and take turns with them (net/managed/recent-leases.ts). */
const MOST_PROGRAMS = 16;
