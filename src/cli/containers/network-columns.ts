import type { ContainerListing } from "../../host/index.ts";
import type { PublishedPort } from "../../spec/index.ts";

/** Columns of `ct ps` that are there only when a container has something to say in them. */
export function networkColumns(all: readonly ContainerListing[]): {
  readonly heading: readonly string[];
  readonly cells: (one: ContainerListing) => readonly string[];
} {
  if (!all.some((one) => !("error" in one) && one.networks)) return { heading: [], cells: () => [] };
  return {
    heading: ["ADDRESSES", "PORTS"],
    cells: (one) => {
      const networks = "error" in one ? undefined : one.networks;
      if (!networks) return ["-", "-"];
      const addresses = networks.interfaces.flatMap((nic) => nic.addresses.map((text) => text.split("/")[0] ?? text));
      return [addresses.join(" "), networks.ports.map(formatPort).join(" ") || "-"];
    },
  };
}

/** "8080->80", "127.0.0.1:8000-8009->80-89/udp" */
export function formatPort({
  hostIP,
  hostPort = 0,
  containerPort,
  protocol = "tcp",
  range = 1,
}: PublishedPort): string {
  const span = (first: number) => (range === 1 ? `${first}` : `${first}-${first + range - 1}`);
  const address = hostIP === undefined ? "" : hostIP.includes(":") ? `[${hostIP}]:` : `${hostIP}:`;
  return `${address}${span(hostPort)}->${span(containerPort)}${protocol === "tcp" ? "" : `/${protocol}`}`;
}
