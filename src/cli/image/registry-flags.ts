import type { Kept, RegistryOptions } from "../../image/index.ts";

/** Flags of every command that talks to a registry, as podman and skopeo call them. */
export interface RegistryFlags {
  readonly tlsVerify?: "true" | "false";
  readonly certDir?: string;
  readonly authfile?: string;
}

export const registryOptions = ({ tlsVerify, certDir, authfile }: RegistryFlags): RegistryOptions => ({
  ...(tlsVerify !== undefined && { insecure: tlsVerify === "false" }),
  ...(certDir !== undefined && { certificates: certDir }),
  ...(authfile !== undefined && { authFile: authfile }),
});

export const keptWords = (kept: Kept): string =>
  "helper" in kept
    ? `the password is with docker-credential-${kept.helper}`
    : `the password is in ${kept.path}, readable by whoever can read that file`;
