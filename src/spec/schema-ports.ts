import { parseIp } from "../linux/index.ts";
import { isHostName } from "./host-name.ts";
import type { Dns, PublishedPort } from "./ports.ts";
import { integer, list, object, oneOf, texts, textThat } from "./schema-base.ts";

const ip = textThat((text) => parseIp(text) !== undefined, 'an address such as "10.0.0.1" or "fd00::1"');
const port = integer(1, 65535);
/** What would end the line, or the word, in a file that the resolver reads. */
const word = textThat((text) => /^[^\s#;]{1,255}$/.test(text), "a word without blanks");

export const ports = list(
  object<PublishedPort>(
    { containerPort: port },
    {
      hostPort: port,
      hostIP: ip,
      protocol: oneOf<"tcp" | "udp" | "sctp">({ tcp: true, udp: true, sctp: true }),
      range: port,
    },
  ),
);

export const dns = object<Dns>({}, { servers: list(ip), search: list(word), options: list(word) });

/** Names, and their addresses. */
export const hosts = texts((name) => isHostName(name), "a host's name");

export const hostName = textThat(isHostName, 'a host\'s name, such as "web" or "db.example.org"');
