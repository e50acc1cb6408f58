import { statSync } from "node:fs";
import { formatMac, type LinkInfo } from "../linux/index.ts";
import type { NetStep } from "../spec/index.ts";

type Request = Extract<NetStep, { readonly do: "request" }>;

/** What must be known to give an interface back when its monitor is gone. */
export interface Kept {
  /** Its name on the host, and in the container at first. */
  readonly device: string;
  readonly name: string;
  /** The host's network namespace: it comes back to that one alone. */
  readonly hostNetwork: string;
  /** What does not change while it is away: another one may have its name and index by then. */
  readonly identity: string;
  readonly steps: readonly NetStep[];
}

/** Device and number of the network namespace that the application is in (namespaces(7)). */
export function ownNetwork(): string {
  const { dev, ino } = statSync("/proc/self/ns/net");
  return `${dev}:${ino}`;
}

/** Its kind, and the address of its hardware if it has any. */
export const identityOf = ({ kind, permanentMac }: Pick<LinkInfo, "kind" | "permanentMac">): string =>
  `${kind ?? "physical"} ${permanentMac?.some((byte) => byte !== 0) ? formatMac(permanentMac) : ""}`.trim();

/** JSON, in a line. */
export const encodeKept = ({ steps, ...kept }: Kept): string =>
  `${JSON.stringify({ ...kept, steps: steps.filter(isRequest).map(encodeStep) })}\n`;

const isRequest = (step: NetStep): step is Request => step.do === "request";
const encodeStep = ({ message, ...step }: Request) => ({ ...step, message: Buffer.from(message).toString("base64") });

/** What `encodeKept` has written, and behind it the index that the interface has in its namespace, when it got there. */
export interface FoundKept extends Kept {
  readonly index: number;
}

/** Undefined when it is not whole. */
export function decodeKept(content: string): FoundKept | undefined {
  const [line = "", number = ""] = content.split("\n");
  try {
    const { steps, ...kept } = JSON.parse(line) as Omit<Kept, "steps"> & {
      readonly steps: readonly (Omit<Request, "message"> & { readonly message: string })[];
    };
    const decoded = steps.map((step) => ({ ...step, message: new Uint8Array(Buffer.from(step.message, "base64")) }));
    return { ...kept, steps: decoded, index: Number(number) || 0 };
  } catch {
    return undefined; // Its monitor was killed while it wrote, and nothing had been moved then.
  }
}
