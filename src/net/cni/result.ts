import { LibctError } from "../../errors.ts";
import type { JsonObject } from "../../spec/index.ts";
import type { CniCommand } from "./execution.ts";
import { isObject } from "./network.ts";

/** What plugins say that they have made (CNI specification, section 5); the members of earlier versions that later ones have not are left out. */
export interface CniResult {
  readonly interfaces: readonly { readonly name: string; readonly mac?: string; readonly sandbox?: string }[];
  readonly ips: readonly { readonly address: string; readonly gateway?: string; readonly interface?: number }[];
  readonly routes: readonly { readonly dst: string; readonly gw?: string }[];
  readonly dns: {
    readonly nameservers?: readonly string[];
    readonly domain?: string;
    readonly search?: readonly string[];
    readonly options?: readonly string[];
  };
}

/** How an execution of a plugin ended. */
export interface CniOutcome {
  readonly command: CniCommand;
  readonly plugin: string;
  readonly network: string;
  readonly member: string;
  /** As wait4(2) gives it. */
  readonly status: number;
  readonly output: string;
  /** What it has written to its error output. */
  readonly complaint: string;
}

/** The result as it is, to be handed to the next plugin. Throws ERR_CT_CNI for a plugin that has failed. */
export function resultOf(outcome: CniOutcome): JsonObject {
  const said = parse(outcome.output);
  if (outcome.status !== 0) throw failure(outcome, said);
  if (isObject(said)) return said;
  throw error(outcome, `ended well but said ${outcome.output.trim() === "" ? "nothing" : "what is no result"}`);
}

/** A plugin that has checked what it has made says nothing when all is well. */
export function checkOutcome(outcome: CniOutcome): void {
  if (outcome.status !== 0) throw failure(outcome, parse(outcome.output));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // What is no JSON is no answer: whoever asks says so.
  }
}

/** Section 5, "Error": code, msg, details. A plugin that was killed, or is none, says something else or nothing. */
function failure(outcome: CniOutcome, said: unknown): LibctError {
  const how = ended(outcome.status);
  if (isObject(said) && typeof said.msg === "string") {
    const details = typeof said.details === "string" && said.details !== "" ? `: ${said.details}` : "";
    return error(outcome, `failed: ${oneLine(said.msg + details)} (code ${String(said.code)})`);
  }
  const words = oneLine(outcome.complaint || outcome.output);
  return error(outcome, `${how}${words === "" ? "" : `: ${words}`}`);
}

function ended(status: number): string {
  if (status < 0) return "took too long and was killed";
  const signal = status & 0x7f;
  return signal === 0 ? `failed with status ${(status >> 8) & 0xff}` : `was killed by signal ${signal}`;
}

const MOST_WORDS = 1000;
const oneLine = (text: string) =>
  text
    .trim()
    .replace(/\s*\n\s*/g, "; ")
    .slice(0, MOST_WORDS);

const error = ({ command, plugin, network, member }: CniOutcome, what: string) =>
  new LibctError("ERR_CT_CNI", `the CNI plugin ${plugin} of network ${network} ${what} at ${command}`, { member });

/** The members of a result that are known here. */
export function decodeResult(raw: JsonObject): CniResult {
  const list = (value: unknown) => (Array.isArray(value) ? value.filter(isObject) : []);
  return {
    interfaces: list(raw.interfaces).map((one) => ({
      name: String(one.name),
      ...texts(one, ["mac", "sandbox"]),
    })),
    ips: list(raw.ips).map((one) => ({
      address: String(one.address),
      ...texts(one, ["gateway"]),
      ...(typeof one.interface === "number" ? { interface: one.interface } : {}),
    })),
    routes: list(raw.routes).map((one) => ({ dst: String(one.dst), ...texts(one, ["gw"]) })),
    dns: isObject(raw.dns) ? raw.dns : {},
  };
}

function texts<K extends string>(from: JsonObject, names: readonly K[]): { readonly [name in K]?: string } {
  const found: { [name in K]?: string } = {};
  for (const name of names) {
    const value = from[name];
    if (typeof value === "string" && value !== "") found[name] = value;
  }
  return found;
}
