import { LibctError } from "../errors.ts";

type Details = Pick<LibctError, "syscall" | "errno" | "path" | "member">;

/** What a program said when it could not connect a container, as one line with a way out. */
export function netProcessFailure(what: string, said: string, details: Details): LibctError {
  const reason = reasonOf(said);
  const message = reason === "" ? what : `${what}: ${reason}`;
  return new LibctError("ERR_CT_SYSCALL", message, { ...details, syscall: undefined, hint: hintFor(said) });
}

/** Old versions of pasta also write to the system's log, and tell when there is none. */
const NOISE = /to syslog|AVX2/;
const REASON = /fail|couldn't|cannot|can't|invalid|unrecogni[sz]ed|error|no external routable|not permitted/i;

function reasonOf(said: string): string {
  const answer = /"desc"\s*:\s*"([^"]*)"/.exec(said)?.[1];
  if (answer !== undefined) return answer;
  const lines = said
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !NOISE.test(line));
  const last = lines.filter((line) => REASON.test(line)).at(-1) ?? lines.at(-1) ?? "";
  // The last line says what is given up, and an earlier one why.
  const cause = lines.find((line) => CAUSE.test(line) && line !== last);
  return cause === undefined ? last : `${cause}: ${last}`;
}

const CAUSE = /in use|denied|not permitted/i;

function hintFor(said: string): string | undefined {
  return HINTS.find(([pattern]) => pattern.test(said))?.[1];
}

const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /tun (socket|device)|\/dev\/net\/tun|open.*tun/i,
    "/dev/net/tun must be there and open to everybody, as it is on most systems: modprobe tun; chmod 0666 /dev/net/tun",
  ],
  [
    /bind|listen|add_hostfwd/i,
    "another program has the port, or it is below the one that ordinary users may have: see /proc/sys/net/ipv4/ip_unprivileged_port_start",
  ],
  [/routable interface/i, "the host has no default route: pasta takes the address from the interface that has one"],
  [/option|argument/i, "this version does not know an option: see `args` of the interface"],
];
