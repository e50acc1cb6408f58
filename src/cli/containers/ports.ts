import { parseIp } from "../../linux/index.ts";
import type { PublishedPort } from "../../spec/index.ts";
import type { Globals } from "../command.ts";
import { parsePublish } from "../network-syntax.ts";
import { usage } from "../syntax.ts";
import { formatPort } from "./network-columns.ts";
import { forEach } from "./with-host.ts";

interface Json {
  readonly json?: true;
}

/** `ct net publish NAME PORT...`: prints what is published, with the ports of the host that were chosen. */
export function publish([name, ...words]: readonly string[], flags: Json, globals: Globals): Promise<number> {
  if (name === undefined || words.length === 0)
    throw usage("a container and a port are needed", "ct net publish web 8080:80");
  const ports = words.map(parsePublish);
  return forEach(
    { names: [name], globals, json: flags.json ?? false },
    async (container) => {
      const published: PublishedPort[] = [];
      for (const port of ports) published.push(await container.nics.publish(port));
      return { published };
    },
    (_, { published }) => (published as readonly PublishedPort[]).map(formatPort).join(" "),
  );
}

/** `ct net unpublish NAME PORT...`: by the host's port. */
export function unpublish([name, ...words]: readonly string[], flags: Json, globals: Globals): Promise<number> {
  if (name === undefined || words.length === 0)
    throw usage("a container and a port are needed", "ct net unpublish web 8080");
  const ports = words.map(parseUnpublish);
  return forEach({ names: [name], globals, json: flags.json ?? false }, async (container) => {
    for (const port of ports) await container.nics.unpublish(port);
    return { unpublished: words };
  });
}

/** [IP:]HOST[/PROTOCOL], read as what is published with any port of the container's. */
export function parseUnpublish(word: string): Pick<PublishedPort, "hostPort" | "hostIP" | "protocol"> {
  const [, host = "", protocol] = /^(.*?)(\/[a-z]+)?$/s.exec(word) ?? [];
  if (!/^(\[[^\]]*\]:|[^:]*:)?\d+$/.test(host)) throw noPort(word);
  const { hostPort, hostIP, protocol: kind } = parsePublish(`${host}:1${protocol ?? ""}`);
  if (hostIP !== undefined && parseIp(hostIP) === undefined) throw noPort(word);
  return {
    ...(hostPort === undefined ? {} : { hostPort }),
    ...(hostIP === undefined ? {} : { hostIP }),
    ...(kind === undefined ? {} : { protocol: kind }),
  };
}

const noPort = (word: string) =>
  usage(`"${word}" is no port of the host`, "[IP:]HOST[/PROTOCOL], such as 8080 or 127.0.0.1:53/udp");
