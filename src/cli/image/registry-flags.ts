import type { Kept, RegistryOptions } from "../../image/index.ts";
import type { FlagTable } from "../syntax.ts";

/** Flags of every command that talks to a registry, as podman and skopeo call them. */
export interface RegistryFlags {
  readonly tlsVerify?: "true" | "false";
  readonly certDir?: string;
  readonly authfile?: string;
}

export const AUTHFILE = {
  value: "file",
  text: "the file with credentials; default: that of docker, ~/.docker/config.json",
} as const;

export const REGISTRY_FLAGS: FlagTable<RegistryFlags> = {
  tlsVerify: {
    value: "true|false",
    choices: ["true", "false"],
    text: "false: certificates are not checked, and no TLS is no error",
  },
  certDir: { value: "directory", text: "*.crt of authorities to trust, *.cert and *.key of the client" },
  authfile: AUTHFILE,
};

export const registryOptions = ({ tlsVerify, certDir, authfile }: RegistryFlags): RegistryOptions => ({
  ...(tlsVerify !== undefined && { insecure: tlsVerify === "false" }),
  ...(certDir !== undefined && { certificates: certDir }),
  ...(authfile !== undefined && { authFile: authfile }),
});

export const keptWords = (kept: Kept): string =>
  "helper" in kept
    ? `the password is with docker-credential-${kept.helper}`
    : `the password is in ${kept.path}, readable by whoever can read that file`;
