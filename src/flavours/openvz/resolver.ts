import type { Hook } from "../../spec/index.ts";
import type { ImportContext, Settings } from "../index.ts";

/**
 * NAMESERVER and SEARCHDOMAIN go into the container's /etc/resolv.conf, as vzctl does it: by a script in the container. So a link of its own leads to a file of
 * its own.
 */
export function resolverHook(settings: Settings, context: ImportContext): Hook | undefined {
  const host = context.read("/etc/resolv.conf") ?? "";
  const servers = listed(settings.last("NAMESERVER"), () => hostValues(host, "nameserver"));
  const domains = listed(settings.last("SEARCHDOMAIN"), () => hostValues(host, "search"));
  const lines = [
    ...(domains.length > 0 ? [`search ${domains.join(" ")}`] : []),
    ...servers.map((one) => `nameserver ${one}`),
  ];
  if (lines.length === 0) return undefined;
  // The text is an argument: nothing in it is the shell's.
  return { path: "/bin/sh", args: ["sh", "-c", 'echo "$1" >/etc/resolv.conf', "sh", lines.join("\n")] };
}

function listed(value: string | undefined, inherited: () => readonly string[]): readonly string[] {
  if (value === undefined) return [];
  return value === "inherit" ? inherited() : value.split(/\s+/).filter((word) => word !== "");
}

const hostValues = (text: string, keyword: string): readonly string[] =>
  text.split("\n").flatMap((line) => {
    const [first, ...rest] = line.trim().split(/\s+/);
    return first === keyword ? rest : [];
  });
