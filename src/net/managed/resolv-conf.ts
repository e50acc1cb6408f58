/** resolv.conf(5) of a container. */
import type { Dns } from "../../spec/index.ts";

/** A resolver on the host's loopback is not there for a container, whose loopback is its own. */
const isLoopback = (server: string) => server.startsWith("127.") || server === "::1" || server.startsWith("fe80:");

const words = (text: string, keyword: string): readonly string[] =>
  text.split("\n").flatMap((line) => {
    const [first, ...rest] = line.trim().split(/\s+/);
    return first === keyword ? rest : [];
  });

/** What is asked for, and else what the host has; `host` is the text of its own file. */
export function resolvConf({ servers, search, options }: Dns, host: string): string {
  const all = servers ?? words(host, "nameserver").filter((server) => !isLoopback(server));
  const domains = search ?? words(host, "search");
  const choices = options ?? words(host, "options");
  return [
    ...(domains.length > 0 ? [`search ${domains.join(" ")}\n`] : []),
    ...all.map((server) => `nameserver ${server}\n`),
    ...(choices.length > 0 ? [`options ${choices.join(" ")}\n`] : []),
  ].join("");
}

/** The host's own, or where systemd-resolved keeps what it asks itself: the host's file names only its loopback then (systemd-resolved.service(8)). */
export const hostResolvConf = (own: string, resolved: string | undefined): string => {
  const servers = words(own, "nameserver");
  return resolved !== undefined && servers.every(isLoopback) ? resolved : own;
};
