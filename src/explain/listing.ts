import type { Block, Program } from "../program/index.ts";
import { blockName, formatStep, type Labels, labelsOf } from "./ops.ts";
import { walk } from "./walk.ts";

/** One operation of a program, as a person reads it. */
export interface ListingLine {
  /** The name of the block, followed by its number when other blocks have the same name. */
  readonly block: string;
  /** 0 for the monitor and the epilogue, 1 for a process that it spawns, and so on. */
  readonly depth: number;
  /** The place of the operation in its block. */
  readonly index: number;
  /** The name by which jumps of the block call this place. */
  readonly label?: string;
  readonly text: string;
  /** The spec member that caused the operation: `mounts[3]`. */
  readonly member: string;
  readonly why?: string;
}

/** Where the comments stand at the latest; longer lines push theirs to the right. */
const COMMENT_COLUMN_MAX = 88;
/** So many capabilities dropped in a row become one line of text. */
const FOLD_FROM = 3;
const FOLDED = /^prctl\(PR_CAPBSET_DROP, CAP_\w+\)(.*)$/;

/** A program as text: what strace(1) would show of the container, before it runs. */
export class Listing {
  readonly lines: readonly ListingLine[];

  constructor(lines: readonly ListingLine[]) {
    this.lines = lines;
  }

  /** Indented text with the causing spec members on the right. Runs of the same call are folded into one line. */
  toString(): string {
    const rows = this.#rows();
    const lengths = rows.map(([text]) => text.length).filter((length) => length <= COMMENT_COLUMN_MAX);
    const column = Math.max(0, ...lengths) + 2;
    return rows
      .map(([text, comment]) =>
        comment === "" ? text : `${text.padEnd(Math.max(column, text.length + 2))}# ${comment}`,
      )
      .map((row) => `${row}\n`)
      .join("");
  }

  /** Every operation, for JSON.stringify. */
  toJSON(): readonly ListingLine[] {
    return this.lines;
  }

  #rows(): [text: string, comment: string][] {
    const rows: [string, string][] = [];
    const headed = new Set<string>();
    for (let i = 0; i < this.lines.length; ) {
      const line = this.lines[i];
      if (!line) break;
      const indent = "    ".repeat(line.depth);
      if (!headed.has(line.block)) rows.push([`${indent}${line.block}:`, ""]);
      headed.add(line.block);
      const count = this.#runLength(i);
      const text = count < FOLD_FROM ? line.text : `${line.text} ... x${count}`;
      rows.push([`${indent}  ${line.label === undefined ? "" : `${line.label}: `}${text}`, comment(line)]);
      i += count < FOLD_FROM ? 1 : count;
    }
    return rows;
  }

  /** How many lines from `start` on differ in the capability that they drop, and in nothing else. */
  #runLength(start: number): number {
    const first = this.lines[start];
    const rest = first && FOLDED.exec(first.text)?.[1];
    if (!first || rest === undefined) return 1;
    let end = start + 1;
    for (let next = this.lines[end]; next; next = this.lines[++end]) {
      const same = next.block === first.block && next.label === undefined && comment(next) === comment(first);
      if (!same || FOLDED.exec(next.text)?.[1] !== rest) break;
    }
    return end - start;
  }
}

const comment = ({ member, why }: ListingLine) => [member, why ?? ""].filter((part) => part !== "").join(": ");

/**
 * Every system call of a program in the order of their making, each spawned block after the call that spawns it.
 *
 * @example
 * console.log(explainProgram(program).toString());
 */
export function explainProgram(program: Program): Listing {
  const labels = new Map<Block, Labels>();
  const lines: ListingLine[] = [];
  for (const step of walk(program)) {
    const { block, depth, index, op } = step;
    const known = labels.get(block) ?? labelsOf(block);
    labels.set(block, known);
    const label = known.get(index);
    lines.push({
      block: blockName(program, block, block.index),
      depth,
      index,
      ...(label === undefined ? {} : { label }),
      text: formatStep(program, step, known),
      member: op.member,
      ...(op.why === undefined ? {} : { why: op.why }),
    });
  }
  return new Listing(lines);
}
