import { spawn } from "node:child_process";
import { LibctError } from "../../errors.ts";
import type { Credentials } from "./types.ts";

/** The user that stands for "the secret is an identity token" (docker/cli, "Credential helper protocol"). */
const TOKEN_USER = "<token>";
/** Some ask the user to unlock a key ring. */
const PATIENCE_MS = 120_000;
const LONGEST_ANSWER = 1024 * 1024;

type Verb = "get" | "store" | "erase";

/** Asks docker-credential-NAME for the credentials of a server; undefined when it has none. */
export async function askHelper(name: string, server: string): Promise<Credentials | undefined> {
  const { status, stdout } = await runHelper(name, "get", server);
  if (status !== 0) {
    // The words are the protocol: helpers have no other way to say that there is nothing (docker-credential-helpers, credentials/error.go).
    if (/credentials not found/i.test(stdout)) return undefined;
    throw failed(name, "get", stdout);
  }
  const { Username: username, Secret: password } = parse(stdout) ?? {};
  if (typeof username !== "string" || typeof password !== "string")
    throw failed(name, "get", "its answer is no JSON with Username and Secret");
  return username === TOKEN_USER ? { identityToken: password } : { username, password };
}

export async function storeInHelper(name: string, server: string, username: string, password: string): Promise<void> {
  const { status, stdout } = await runHelper(
    name,
    "store",
    JSON.stringify({ ServerURL: server, Username: username, Secret: password }),
  );
  if (status !== 0) throw failed(name, "store", stdout);
}

/** False when it had none. */
export async function eraseInHelper(name: string, server: string): Promise<boolean> {
  if ((await askHelper(name, server)) === undefined) return false;
  const { status, stdout } = await runHelper(name, "erase", server);
  if (status !== 0) throw failed(name, "erase", stdout);
  return true;
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}

function runHelper(
  name: string,
  verb: Verb,
  input: string,
): Promise<{ readonly status: number | null; readonly stdout: string }> {
  // A name becomes part of a program's: no other program may come of it.
  if (!/^[A-Za-z0-9._-]+$/.test(name))
    throw new LibctError("ERR_CT_REGISTRY", `${JSON.stringify(name)} is no name of a credential helper`);
  return new Promise((resolve, reject) => {
    const child = spawn(`docker-credential-${name}`, [verb], { stdio: ["pipe", "pipe", "inherit"] });
    const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      if (stdout.length > LONGEST_ANSWER) child.kill("SIGKILL");
    });
    child.once("error", (cause) => {
      clearTimeout(timer);
      reject(missing(name, cause));
    });
    child.once("close", (status) => {
      clearTimeout(timer);
      resolve({ status, stdout });
    });
    // A helper that ends without reading has said why.
    child.stdin.on("error", () => undefined).end(input);
  });
}

const missing = (name: string, cause: unknown) =>
  new LibctError(
    "ERR_CT_REGISTRY",
    `the credential helper docker-credential-${name} cannot be executed: ${(cause as NodeJS.ErrnoException).code}`,
    {
      hint: "install it, or take it out of credsStore and credHelpers in ~/.docker/config.json",
      cause,
    },
  );

const failed = (name: string, verb: Verb, said: string) =>
  new LibctError(
    "ERR_CT_REGISTRY",
    `the credential helper docker-credential-${name} failed at ${verb}: ${said.trim().slice(0, 300) || "it said nothing"}`,
  );
