import { explainProgram } from "../../src/explain/index.ts";
import type { Program } from "../../src/program/index.ts";

/** The part of a program's listing that belongs to one block, with the blocks that it spawns. */
export function listingOf(program: Program, block: string): string {
  const lines = explainProgram(program).toString().split("\n");
  const start = lines.findIndex((line) => line.trim() === `${block}:`);
  if (start < 0) throw new Error(`no block ${block}`);
  const depth = indentation(lines[start] ?? "");
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => line !== "" && indentation(line) <= depth);
  return rest.slice(0, end < 0 ? undefined : end).join("\n");
}

const indentation = (line: string) => line.length - line.trimStart().length;

/** The system calls of that name in a listing, without what stands beside them. */
export const callsIn = (listing: string, name: string): string[] =>
  listing.split("\n").flatMap((line) => line.match(new RegExp(`\\b${name}\\(.*?\\)(?=\\s|$)`))?.[0] ?? []);
