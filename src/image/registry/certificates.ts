import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createSecureContext, type SecureContext } from "node:tls";
import { LibctError } from "../../errors.ts";

/** What was found for a host: PEM texts. */
export interface Certificates {
  /** Authorities beside the machine's. */
  readonly authorities: readonly string[];
  /** The client's own. */
  readonly client: readonly { readonly cert: string; readonly key: string }[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Where docker, podman and skopeo look: one directory for each host with its port (containers-certs.d(5)). */
export function certificateDirectories(host: string, env: Environment): readonly string[] {
  const { HOME: home, XDG_CONFIG_HOME: config = home && `${home}/.config` } = env;
  const own = home ? [`${config}/containers/certs.d`, `${config}/docker/certs.d`, `${home}/.docker/certs.d`] : [];
  return [...own, "/etc/containers/certs.d", "/etc/docker/certs.d"].map((directory) => join(directory, host));
}

/** Reads *.crt as authorities, and *.cert with the *.key of the same name as the client's. */
export function readCertificates(directories: readonly string[]): Certificates {
  const authorities: string[] = [];
  const client: { readonly cert: string; readonly key: string }[] = [];
  for (const directory of directories) {
    const names = filesOf(directory);
    for (const name of names) {
      const path = `${directory}/${name}`;
      if (name.endsWith(".crt")) authorities.push(readPem(path));
      if (!name.endsWith(".cert")) continue;
      const key = `${name.slice(0, -".cert".length)}.key`;
      if (!names.includes(key)) {
        throw new LibctError("ERR_CT_REGISTRY", `${path}: there is no ${key} beside it`, {
          path,
          hint: "*.cert is a client's certificate and needs its key; an authority's is called *.crt",
        });
      }
      client.push({ cert: readPem(path), key: readPem(`${directory}/${key}`) });
    }
  }
  return { authorities, client };
}

function filesOf(directory: string): readonly string[] {
  try {
    return readdirSync(directory).sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Who may not read root's directory has no certificates there.
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EACCES") return [];
    throw unreadable(directory, error);
  }
}

function readPem(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw unreadable(path, error);
  }
}

const unreadable = (path: string, cause: unknown) =>
  new LibctError("ERR_CT_REGISTRY", `cannot read ${path}: ${(cause as NodeJS.ErrnoException).code}`, {
    path,
    errno: (cause as NodeJS.ErrnoException).code,
    cause,
  });

/** The machine's authorities, where distributions keep them (crypto/x509 of Go, root_linux.go). */
const BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/tls/cacert.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** As docker trusts: the machine's authorities, not those that the runtime brings. Those are taken where the machine has none. */
export function machineAuthorities(env: Environment): string | undefined {
  const given = env.SSL_CERT_FILE;
  if (given !== undefined && given !== "") return readPem(given);
  for (const path of BUNDLES) {
    try {
      return readFileSync(path, "utf8");
    } catch {
      // Another distribution's place.
    }
  }
  return undefined;
}

/** `verify` false: authorities are of no use, and to read them takes 70 ms. */
export function secureContext(certificates: Certificates, verify: boolean, env: Environment): SecureContext {
  const { authorities, client } = certificates;
  const own = client.length > 0 ? { cert: client.map(({ cert }) => cert), key: client.map(({ key }) => key) } : {};
  if (!verify) return createContext(own);
  const machine = machineAuthorities(env);
  // `ca` stands for all, so the machine's are repeated; without either the runtime's own are used.
  const ca = [...(machine === undefined ? [] : [machine]), ...authorities];
  return createContext({ ...own, ...(ca.length > 0 && { ca }) });
}

function createContext(options: Parameters<typeof createSecureContext>[0]): SecureContext {
  try {
    return createSecureContext(options);
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    throw new LibctError("ERR_CT_REGISTRY", `the certificates for the registry cannot be used: ${said}`, { cause });
  }
}
