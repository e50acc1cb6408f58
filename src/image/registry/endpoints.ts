import type { ImageReference } from "../reference.ts";

/** One place that has a repository: the registry itself, or a mirror of it. */
export interface Endpoint {
  /** What its credentials are kept under: "docker.io", "mirror.example:5000" */
  readonly domain: string;
  /** What is connected to. */
  readonly host: string;
  readonly repository: string;
  readonly insecure: boolean;
}

/** Docker's registry is not at the host that it is named after. */
const HOSTS: Readonly<Record<string, string>> = { "docker.io": "registry-1.docker.io" };

export const hostOf = (domain: string): string => HOSTS[domain] ?? domain;

export const endpointOf = (domain: string, repository: string, insecure = false): Endpoint => ({
  domain,
  host: hostOf(domain),
  repository,
  insecure,
});

/** The registry that a reference names, without mirrors. */
export const ownEndpoint = ({ domain, repository }: ImageReference): Endpoint => endpointOf(domain, repository);
