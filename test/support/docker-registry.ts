import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { installed } from "./prerequisite.ts";

export interface DockerRegistryOptions {
  /** Who may come in; nobody needs to say who he is without it. */
  readonly user?: { readonly name: string; readonly password: string };
  /** With a certificate of an authority of its own: `ca`. */
  readonly tls?: boolean;
  /** In the network namespace of this process, instead of the test's own. */
  readonly beside?: number;
}

/** Whether Debian's docker-registry is there, with what makes its passwords and certificates. */
export const hasDockerRegistry = ["docker-registry", "htpasswd", "openssl"].every(installed);

/** Debian's docker-registry on this machine's loopback, at a port that the kernel chooses. Its files are in the directory that it is given. */
export class DockerRegistry {
  readonly host: string;
  /** The authority's certificate. */
  readonly ca: string;
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess, host: string, ca: string) {
    this.#process = child;
    this.host = host;
    this.ca = ca;
  }

  static async start(directory: string, { user, tls, beside }: DockerRegistryOptions = {}): Promise<DockerRegistry> {
    mkdirSync(directory, { recursive: true });
    const http: Record<string, unknown> = { addr: "127.0.0.1:0", secret: "s" };
    if (tls) {
      makeCertificate(directory);
      http.tls = { certificate: `${directory}/server.crt`, key: `${directory}/server.key` };
    }
    const configuration: Record<string, unknown> = {
      version: 0.1,
      log: { level: "info" },
      storage: { filesystem: { rootdirectory: `${directory}/data` } },
      http,
    };
    if (user) {
      const line = execFileSync("htpasswd", ["-nbB", user.name, user.password], { encoding: "utf8" });
      writeFileSync(`${directory}/htpasswd`, line.trim());
      configuration.auth = { htpasswd: { realm: "test", path: `${directory}/htpasswd` } };
    }
    // JSON is YAML.
    writeFileSync(`${directory}/config.yml`, JSON.stringify(configuration));
    const command = ["docker-registry", "serve", `${directory}/config.yml`];
    const [file = "", ...words] = beside === undefined ? command : ["nsenter", "-t", String(beside), "-n", ...command];
    const child = spawn(file, words, { stdio: ["ignore", "ignore", "pipe"] });
    return new DockerRegistry(child, await addressOf(child), `${directory}/ca.crt`);
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGKILL");
    await ended;
  }
}

/** It tells where it listens. */
function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-10_000);
      const address = /listening on (127\.0\.0\.1:\d+)/.exec(said)?.[1];
      if (address !== undefined) resolve(address);
    });
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`docker-registry has ended:\n${said}`)));
  });
}

function makeCertificate(directory: string): void {
  const openssl = (...words: readonly string[]) => execFileSync("openssl", words, { cwd: directory, stdio: "ignore" });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...key,
    "-keyout",
    "ca.key",
    "-out",
    "ca.crt",
    "-subj",
    "/CN=authority of a test",
    "-days",
    "2",
  );
  openssl("req", ...key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=registry");
  writeFileSync(`${directory}/names`, "subjectAltName=IP:127.0.0.1,DNS:localhost");
  const signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names", "-days", "2"];
  openssl("x509", "-req", "-in", "server.csr", "-out", "server.crt", ...signed);
}
