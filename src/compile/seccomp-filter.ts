import { BackwardAssembler, BPF, type BpfLabel as Label } from "../linux/index.ts";
import type { Alternative, Decision } from "./seccomp-decisions.ts";
import type { Condition } from "./seccomp-rules.ts";

/** Offsets in `struct seccomp_data` (seccomp(2)). Its 64-bit arguments are little-endian on both host architectures. */
const data = { number: 0, arch: 4, args: 16 } as const;

/** A decision, and the lowest system call number that it holds for: up to the start of the next interval. */
export interface Interval {
  readonly start: number;
  readonly decision: Decision;
}

/** The decisions for one value of `seccomp_data.arch`. */
export interface ArchSection {
  readonly auditArch: number;
  /** How wide the arguments of this ABI's system calls are. */
  readonly bits: 32 | 64;
  /** Sorted; the first one starts at 0. */
  readonly intervals: readonly Interval[];
}

const comparisons = {
  equal: BPF.jumpIfEqual,
  greater: BPF.jumpIfGreater,
  greaterOrEqual: BPF.jumpIfGreaterOrEqual,
} as const satisfies Record<Condition["test"], number>;

/** Writes the code of one section. Equal decisions share their code. */
class SectionWriter {
  readonly #assembler: BackwardAssembler;
  readonly #bits: 32 | 64;
  readonly #labels = new Map<Decision, Label>();

  constructor(assembler: BackwardAssembler, bits: 32 | 64) {
    this.#assembler = assembler;
    this.#bits = bits;
  }

  /** A binary search for the interval that holds the system call number, which is in A. */
  search(intervals: readonly Interval[], first: number, last: number): Label {
    const lowest = intervals[first];
    if (lowest === undefined) throw new RangeError("a section needs at least one interval");
    if (first === last) return this.#decision(lowest.decision);
    const only = intervals[first + 1];
    const highest = intervals[last];
    // One exception in the midst of a uniform range takes one comparison, not two.
    if (last - first === 2 && highest?.start === (only?.start ?? 0) + 1 && same(lowest, highest) && only) {
      const exception = this.#decision(only.decision);
      return this.#assembler.branch(BPF.jumpIfEqual, only.start, exception, this.#decision(lowest.decision));
    }
    const middle = first + Math.ceil((last - first) / 2);
    const upper = this.search(intervals, middle, last);
    const lower = this.search(intervals, first, middle - 1);
    return this.#assembler.branch(BPF.jumpIfGreaterOrEqual, intervals[middle]?.start ?? 0, upper, lower);
  }

  #decision(decision: Decision): Label {
    const { alternatives, otherwise } = decision;
    if (alternatives.length === 0) return this.#assembler.returns(otherwise);
    let label = this.#labels.get(decision);
    if (label === undefined) {
      label = this.#assembler.returns(otherwise);
      for (const alternative of alternatives.toReversed()) label = this.#alternative(alternative, label);
      this.#labels.set(decision, label);
    }
    return label;
  }

  #alternative({ conditions, result }: Alternative, no: Label): Label {
    return conditions.reduceRight(
      (yes, condition) => (condition.negated ? this.#test(condition, no, yes) : this.#test(condition, yes, no)),
      this.#assembler.returns(result),
    );
  }

  #test(condition: Condition, yes: Label, no: Label): Label {
    const offset = data.args + 8 * condition.index;
    const comparison = comparisons[condition.test];
    const low = this.#compare(offset, condition.maskLow, comparison, condition.low, yes, no);
    // The kernel passes 32 bits of a 32-bit ABI's argument on, whatever a 64-bit program left in the register's upper half
    // (int 0x80), so that half must not decide.
    if (this.#bits === 32) return low;
    if (condition.maskHigh === 0) return low;
    if (condition.test === "equal") {
      return this.#compare(offset + 4, condition.maskHigh, comparison, condition.high, low, no);
    }
    // The upper half decides, unless it is equal.
    const lowIfEqual = this.#assembler.branch(BPF.jumpIfEqual, condition.high, low, no);
    return this.#compare(offset + 4, 0xffff_ffff, BPF.jumpIfGreater, condition.high, yes, lowIfEqual);
  }

  #compare(
    offset: number,
    mask: number,
    comparison: (typeof comparisons)[Condition["test"]],
    value: number,
    yes: Label,
    no: Label,
  ): Label {
    const assembler = this.#assembler;
    if (mask === 0xffff_ffff) {
      const branch = assembler.branch(
        comparison,
        value,
        assembler.afterLoad(offset, yes),
        assembler.afterLoad(offset, no),
      );
      return assembler.load(offset, branch);
    }
    return assembler.load(offset, assembler.and(mask, assembler.branch(comparison, value, yes, no)));
  }
}

function same(left: Interval, right: Interval): boolean {
  return left.decision === right.decision;
}

/** The filter: finds the section of the caller's architecture, in the order given; any other one gets `badArch`. */
export function assembleFilter(sections: readonly ArchSection[], badArch: number): Uint8Array {
  const assembler = new BackwardAssembler();
  const starts = sections.toReversed().map((section) => {
    const search = new SectionWriter(assembler, section.bits).search(
      section.intervals,
      0,
      section.intervals.length - 1,
    );
    return { auditArch: section.auditArch, label: assembler.load(data.number, search) };
  });
  const dispatch = starts.reduce(
    (next, { auditArch, label }) => assembler.branch(BPF.jumpIfEqual, auditArch, label, next),
    assembler.returns(badArch),
  );
  return assembler.finish(assembler.load(data.arch, dispatch));
}
