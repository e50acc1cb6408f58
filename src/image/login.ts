import { LibctError } from "../errors.ts";
import type { Kept } from "./credentials/keep.ts";
import { parseReference } from "./reference.ts";
import type { RegistryOptions } from "./registry/connect.ts";

/** Checks a user and a password with a registry, and keeps them as `docker login` does: for docker and podman, too. */
export async function login(
  domain: string,
  username: string,
  password: string,
  options: RegistryOptions = {},
): Promise<Kept> {
  const { checkLogin } = await import("./registry/check-login.ts");
  const { keepCredentials } = await import("./credentials/keep.ts");
  await checkLogin(domain, username, password, options);
  return keepCredentials(domain, username, password, { env: options.env ?? process.env, authFile: options.authFile });
}

/** Forgets the credentials of a registry; false when there were none. */
export async function logout(
  domain: string,
  options: Pick<RegistryOptions, "env" | "authFile"> = {},
): Promise<boolean> {
  const { forgetCredentials } = await import("./credentials/keep.ts");
  return forgetCredentials(domain, { env: options.env ?? process.env, authFile: options.authFile });
}

/** The registry of a word of a command line: a host with its port, as people write it. */
export function parseRegistry(text: string | undefined): string {
  if (text === undefined || text === "") return "docker.io";
  const host = text.replace(/^https?:\/\//, "").replace(/\/(?:v[12]\/?)?$/, "");
  const { domain, repository } = parseReference(`${host}/x`);
  // A word without a dot or port would be a user of docker.io.
  if (repository === "x" || (domain === "docker.io" && repository === "library/x")) return domain;
  throw new LibctError("ERR_CT_USAGE", `${JSON.stringify(text)} is no registry`, {
    hint: "a host with a dot or a port, such as registry.example or localhost:5000; nothing stands for docker.io",
  });
}
