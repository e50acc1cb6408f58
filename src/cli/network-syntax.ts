import type { PublishedPort } from "../spec/index.ts";
import { wrong } from "./parse.ts";

/** NAME[:OPTION[,OPTION...]] of --network */
export interface NetworkWord {
  readonly name: string;
  /** In the order given: ["ip", "10.9.0.5"]. */
  readonly options: readonly (readonly [key: string, value: string])[];
}

export function splitNetwork(word: string): NetworkWord {
  const [, name = "", rest] = /^([^:]+)(?::(.*))?$/s.exec(word) ?? [];
  if (name === "") throw wrong("--network", word, "NAME[:OPTION,...]");
  const options = (rest === undefined ? [] : rest.split(",")).map((option) => {
    const at = option.indexOf("=");
    return at < 0 ? ([option, ""] as const) : ([option.slice(0, at), option.slice(at + 1)] as const);
  });
  return { name, options };
}

const PORTS = /^(\d+)(?:-(\d+))?$/;

/** [IP:][HOST:]CONTAINER[/PROTOCOL], each of the ports perhaps a range: 127.0.0.1:8000-8009:80-89/udp, [::1]:8080:80, 80 */
export function parsePublish(word: string): PublishedPort {
  const flag = "--publish";
  const expected = "[IP:][HOST:]CONTAINER[/PROTOCOL], such as 8080:80 or 127.0.0.1:5353:53/udp";
  const [, rest = "", protocol = "tcp"] = /^(.*?)(?:\/([a-z]+))?$/s.exec(word) ?? [];
  if (protocol !== "tcp" && protocol !== "udp" && protocol !== "sctp")
    throw wrong(flag, word, "one of tcp, udp, sctp after the slash");
  const [, six, four, ports = ""] = /^(?:\[([^\]]*)\]:|([^:]*):(?=[^:]*:))?(.*)$/s.exec(rest) ?? [];
  const parts = ports.split(":");
  const container = rangeOf(parts.at(-1) ?? "");
  const host = parts.length === 2 && parts[0] !== "" ? rangeOf(parts[0] ?? "") : undefined;
  if (!container || parts.length > 2 || (parts.length === 2 && parts[0] !== "" && !host))
    throw wrong(flag, word, expected);
  if (host && host.count !== container.count) throw wrong(flag, word, "as many ports of the host as of the container");
  const address = six ?? four;
  return {
    containerPort: container.first,
    ...(host ? { hostPort: host.first } : {}),
    ...(address === undefined || address === "" ? {} : { hostIP: address }),
    ...(protocol === "tcp" ? {} : { protocol }),
    ...(container.count === 1 ? {} : { range: container.count }),
  };
}

function rangeOf(text: string): { readonly first: number; readonly count: number } | undefined {
  const [, from, to = from] = PORTS.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  return from !== undefined && first >= 1 && last <= 65535 && first <= last
    ? { first, count: last - first + 1 }
    : undefined;
}

/** NAME:ADDRESS */
export function parseAddHost(word: string): readonly [name: string, address: string] {
  const at = word.indexOf(":");
  if (at <= 0 || at === word.length - 1) throw wrong("--add-host", word, "NAME:ADDRESS, such as db:10.0.0.5");
  return [word.slice(0, at), word.slice(at + 1).replace(/^\[(.*)\]$/, "$1")];
}
