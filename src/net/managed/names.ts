/** The files by which a container knows others by name: /etc/hosts and /etc/resolv.conf. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { type ContainerSpec, isHostName, type Mount } from "../../spec/index.ts";
import { emptyHosts, hostsEntries, placeContent } from "./hosts-file.ts";
import type { Joined } from "./join.ts";
import { type NetworkPlaces, RUNNING_FILE } from "./places.ts";
import { hostResolvConf, resolvConf } from "./resolv-conf.ts";
import { sharedFile } from "./running.ts";

/** What is said of one container alone, by content. */
const SHARED = ".shared";

/** The names that the container has in a network. A hostname may be anything (sethostname(2)), but others read what is written here line by line. */
export function namesIn(spec: ContainerSpec, containerName: string, nic: string): readonly string[] {
  const wanted = spec.nics?.[nic];
  const aliases = wanted && "type" in wanted && wanted.type === "network" ? (wanted.aliases ?? []) : [];
  return [containerName, spec.hostname ?? "", ...aliases].filter(isHostName);
}

/** Mounts for the two files, unless the container has something of its own there, or no root in which they could lie. */
export function nameMounts(
  spec: ContainerSpec,
  containerName: string,
  joined: readonly Joined[],
  places: NetworkPlaces,
): readonly Mount[] {
  if (spec.root === undefined || !hasMountNamespace(spec)) return [];
  const files = [
    ["/etc/hosts", hostsFile(spec, containerName, joined, places)],
    ["/etc/resolv.conf", resolverFile(spec, joined, places)],
  ] as const;
  return files.flatMap(([destination, source]): Mount[] => {
    if (source === undefined || spec.mounts?.some((one) => one.destination === destination)) return [];
    // Others read the same file: nobody in the container may write to it.
    return [{ destination, type: "bind", source, options: ["bind", "ro", "nosuid", "nodev", "noexec"] }];
  });
}

const hasMountNamespace = ({ namespaces = [] }: ContainerSpec) =>
  namespaces.some(
    (one) => one === "mount" || (typeof one === "object" && one.type === "mount" && one.path === undefined),
  );

/** In one network alone it is that network's, where others come and go; else it is as things are now. */
function hostsFile(
  spec: ContainerSpec,
  containerName: string,
  joined: readonly Joined[],
  places: NetworkPlaces,
): string | undefined {
  const [first, ...more] = joined;
  const added = Object.entries(spec.hosts ?? {});
  if (first && more.length === 0 && added.length === 0) return `${first.directory}/${RUNNING_FILE.HOSTS}`;
  if (!first && added.length === 0) return undefined;
  const others = joined.flatMap(({ directory }) =>
    hostsEntries(readFileSync(`${directory}/${RUNNING_FILE.HOSTS}`, "utf8")),
  );
  const own = joined.flatMap(({ nic, addresses }) =>
    hostsEntries(
      placeContent(
        addresses.map((text) => text.split("/")[0] ?? text),
        namesIn(spec, containerName, nic),
        `nics.${nic}`,
      ),
    ),
  );
  const base = hostsEntries(emptyHosts([]));
  const lines = [...new Set([...base, ...own, ...added.map(([name, address]) => `${address}\t${name}`), ...others])];
  return sharedFile(sharedDirectory(places), "hosts", `${lines.join("\n")}\n`);
}

function resolverFile({ dns }: ContainerSpec, joined: readonly Joined[], places: NetworkPlaces): string | undefined {
  if (joined.length === 0 && !dns) return undefined;
  return sharedFile(sharedDirectory(places), "resolv", resolvConf(dns ?? {}, hostsResolver()));
}

function sharedDirectory({ running }: NetworkPlaces): string {
  const directory = `${running}/${SHARED}`;
  if (!existsSync(directory)) mkdirSync(directory, { recursive: true, mode: 0o755 });
  return directory;
}

const RESOLVED = "/run/systemd/resolve/resolv.conf";

function hostsResolver(): string {
  const read = (path: string) => (existsSync(path) ? readFileSync(path, "utf8") : undefined);
  return hostResolvConf(read("/etc/resolv.conf") ?? "", read(RESOLVED));
}
