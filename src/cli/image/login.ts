import { LibctError } from "../../errors.ts";
import { login as checkAndKeep, logout as forget, parseRegistry } from "../../image/index.ts";
import { print } from "../output.ts";
import { usage } from "../syntax.ts";
import { askFor } from "./prompt.ts";
import { keptWords, type RegistryFlags, registryOptions } from "./registry-flags.ts";

export interface LoginFlags extends RegistryFlags {
  readonly username?: string;
  readonly password?: string;
  readonly passwordStdin?: true;
  readonly json?: true;
}

export interface LogoutFlags {
  readonly authfile?: string;
  readonly json?: true;
}

/** `ct login` */
export async function login(word: string | undefined, flags: LoginFlags): Promise<number> {
  const registry = parseRegistry(word);
  const { username, password } = await credentials(registry, flags);
  const kept = await checkAndKeep(registry, username, password, registryOptions(flags));
  const text = flags.json
    ? JSON.stringify({ registry, username, ...kept })
    : `logged in to ${registry}; ${keptWords(kept)}`;
  await print(process.stdout, `${text}\n`);
  return 0;
}

/** `ct logout` */
export async function logout(word: string | undefined, { authfile, json }: LogoutFlags): Promise<number> {
  const registry = parseRegistry(word);
  const had = await forget(registry, { authFile: authfile });
  const text = had ? `logged out of ${registry}` : `there were no credentials for ${registry}`;
  await print(process.stdout, json ? `${JSON.stringify({ registry, removed: had })}\n` : `${text}\n`);
  return 0;
}

async function credentials(
  registry: string,
  flags: LoginFlags,
): Promise<{ readonly username: string; readonly password: string }> {
  const { passwordStdin, password: given } = flags;
  if (passwordStdin && given !== undefined) throw usage("--password and --password-stdin exclude each other");
  if (passwordStdin && flags.username === undefined) throw usage("--password-stdin needs --username");
  const username = flags.username ?? (await askFor(`user of ${registry}: `, "seen"));
  if (username === "" || username.includes(":")) throw usage("a user's name is not empty and has no colon");
  const password = passwordStdin
    ? await readPassword()
    : (given ?? (await askFor(`password of ${username}: `, "hidden")));
  if (password === "") throw new LibctError("ERR_CT_USAGE", "the password is empty");
  return { username, password };
}

/** All of standard input, without the line end that echo(1) adds. */
async function readPassword(): Promise<string> {
  let text = "";
  process.stdin.setEncoding("utf8");
  for await (const part of process.stdin) {
    text += String(part);
    if (text.length > 1 << 20) throw usage("the password is longer than a megabyte");
  }
  return text.replace(/\r?\n$/, "");
}
