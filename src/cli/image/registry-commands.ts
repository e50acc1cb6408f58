import { type Command, command } from "../command.ts";
import type { LoginFlags, LogoutFlags } from "./login.ts";
import { AUTHFILE, REGISTRY_FLAGS } from "./registry-flags.ts";

const REGISTRY = [["REGISTRY", "a host, with its port if it has one; docker.io when it is left out"]] as const;
const none = async () => "";
const json = { text: "print it as JSON" } as const;

/** What is done with registries themselves. */
export const REGISTRY_COMMANDS: Readonly<Record<string, Command>> = {
  login: command<LoginFlags>(
    {
      summary: "check and keep the credentials for a registry, as docker does",
      usage: "[options] [REGISTRY]",
      words: REGISTRY,
      most: 1,
      flags: {
        username: { short: "-u", value: "name", text: "the user; asked for when it is left out" },
        password: {
          short: "-p",
          value: "password",
          text: "everybody on the machine can see it while ct runs: better --password-stdin",
        },
        passwordStdin: { text: "read the password from standard input" },
        ...REGISTRY_FLAGS,
        json,
      },
    },
    async () => (await import("./login-help.ts")).LOGIN_HELP,
    async ({ words, flags }) => (await import("./login.ts")).login(words[0], flags),
  ),
  logout: command<LogoutFlags>(
    {
      summary: "forget the credentials for a registry",
      usage: "[options] [REGISTRY]",
      words: REGISTRY,
      most: 1,
      flags: { authfile: AUTHFILE, json },
    },
    none,
    async ({ words, flags }) => (await import("./login.ts")).logout(words[0], flags),
  ),
};
