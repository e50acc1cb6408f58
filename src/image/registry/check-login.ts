import { LONGEST_EXPLANATION } from "./answer.ts";
import { connect, type RegistryOptions } from "./connect.ts";
import { endpointOf } from "./endpoints.ts";
import { readSome } from "./http.ts";

/** Asks a registry whether it takes these credentials; throws when it does not. */
export async function checkLogin(
  domain: string,
  username: string,
  password: string,
  options: RegistryOptions = {},
): Promise<void> {
  const { client, close } = await connect(endpointOf(domain, ""), { ...options, credentials: { username, password } });
  try {
    const url = new URL("/v2/", client.base);
    const response = await client.ask({ method: "GET", url, scopes: [], accept: [200], what: domain });
    await readSome(response, LONGEST_EXPLANATION, client.patience);
  } finally {
    close();
  }
}
