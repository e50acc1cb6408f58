/** What the handshake has come to ("D-Bus Specification", "Authentication Protocol"). */
export type AuthStep =
  | { readonly do: "wait" }
  | { readonly do: "send"; readonly line: string }
  | { readonly do: "done" }
  | { readonly do: "refused"; readonly why: string };

/** The first bytes: a zero, and who we say we are; the other side asks the kernel whether that is true (SO_PEERCRED). */
export const authBegin = (uid: number): string => `\0AUTH EXTERNAL ${Buffer.from(String(uid)).toString("hex")}\r\n`;

/** After it messages follow. */
export const AUTH_END = "BEGIN\r\n";

/** The answer to a line of the server's. */
export function authStep(line: string): AuthStep {
  const [word = "", ...rest] = line.split(" ");
  switch (word) {
    case "OK":
      return { do: "done" };
    case "DATA":
      // It wants to hear who we are once more; nothing means: whoever the kernel says.
      return { do: "send", line: "DATA\r\n" };
    case "REJECTED":
      return { do: "refused", why: `it takes ${rest.join(", ") || "no mechanism"} and not EXTERNAL as this user` };
    case "ERROR":
      return { do: "refused", why: rest.join(" ") || "it does not understand AUTH EXTERNAL" };
    default:
      return { do: "refused", why: `it says ${JSON.stringify(line.slice(0, 80))}` };
  }
}
