import type { NicRoute } from "../spec/index.ts";
import { wrong } from "./parse.ts";

const EXPECTED = "fields such as type=veth,master=br0,address=10.0.0.2/24,gateway=10.0.0.1";

/** Fields whose values are numbers, and those that are switches. */
const NUMBERS = new Set(["mtu", "id", "port", "ttl", "uid", "gid", "txQueueLength"]);
const SWITCHES = new Set(["up", "multiQueue", "learning"]);

/** An interface as the specification has it, not checked yet: its type decides what may be in it. */
export interface GivenNic {
  readonly name: string;
  readonly nic: Readonly<Record<string, unknown>>;
}

/** `number`: which of them it is, for its name when the word does not say one. */
export function parseNic(word: string, number: number): GivenNic {
  const parts = new NicParts(word);
  for (const field of word.split(",")) {
    const at = field.indexOf("=");
    parts.add(at < 0 ? field : field.slice(0, at), at < 0 ? undefined : field.slice(at + 1));
  }
  return { name: parts.name ?? `eth${number}`, nic: parts.nic() };
}

class NicParts {
  name: string | undefined;
  readonly #word: string;
  readonly #members: Record<string, unknown> = {};
  readonly #addresses: string[] = [];
  readonly #routes: NicRoute[] = [];
  readonly #sysctl: Record<string, string> = {};
  readonly #aliases: string[] = [];
  readonly #bandwidth: Record<string, string> = {};

  constructor(word: string) {
    this.#word = word;
  }

  add(key: string, value: string | undefined): void {
    if (SWITCHES.has(key)) this.#members[key] = this.#switch(value);
    else if (value === undefined || value === "") throw wrong("--nic", this.#word, EXPECTED);
    else if (key === "name") this.name = value;
    else if (key === "address") this.#addresses.push(value);
    else if (key === "gateway") this.#routes.push({ to: "default", via: value });
    else if (key === "route") this.#routes.push(this.#route(value));
    else if (key === "peer") this.#members.peer = { name: value };
    else if (key === "sysctl") this.#parameter(value);
    else if (key === "ingress" || key === "egress") this.#bandwidth[key] = value;
    else if (key === "alias") this.#aliases.push(value);
    else this.#members[key] = NUMBERS.has(key) && /^\d+$/.test(value) ? Number(value) : value;
  }

  nic(): Readonly<Record<string, unknown>> {
    return {
      ...this.#members,
      ...(this.#aliases.length > 0 ? { aliases: this.#aliases } : {}),
      ...(Object.keys(this.#bandwidth).length > 0 ? { bandwidth: this.#bandwidth } : {}),
      ...(this.#addresses.length > 0 ? { addresses: this.#addresses } : {}),
      ...(this.#routes.length > 0 ? { routes: this.#routes } : {}),
      ...(Object.keys(this.#sysctl).length > 0 ? { sysctl: this.#sysctl } : {}),
    };
  }

  #switch(value = "true"): boolean {
    if (value === "true" || value === "false") return value === "true";
    throw wrong("--nic", this.#word, "true or false for a switch");
  }

  /** As ip-route(8) writes it: "10.1.0.0/16 via 10.0.0.1 metric 5". */
  #route(text: string): NicRoute {
    const [to = "", ...words] = text.split(/\s+/);
    const route: Record<string, unknown> = { to };
    for (let at = 0; at < words.length; at += 2) {
      const [key = "", value] = [words[at], words[at + 1]];
      const member = ROUTE_WORDS[key];
      if (member === undefined || value === undefined)
        throw wrong("--nic", this.#word, 'a route such as "10.1.0.0/16 via 10.0.0.1 metric 5 src 10.0.0.2"');
      route[member] = /^\d+$/.test(value) ? Number(value) : value;
    }
    return route as unknown as NicRoute;
  }

  #parameter(text: string): void {
    const at = text.indexOf("=");
    if (at < 1) throw wrong("--nic", this.#word, "sysctl=NAME=VALUE, such as sysctl=net.ipv4.conf.IFNAME.rp_filter=0");
    this.#sysctl[text.slice(0, at)] = text.slice(at + 1);
  }
}

const ROUTE_WORDS: Readonly<Record<string, string>> = {
  via: "via",
  src: "from",
  metric: "metric",
  mtu: "mtu",
  table: "table",
};
