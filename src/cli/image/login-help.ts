export const LOGIN_HELP = `
Examples:
  ct login -u me                                  docker.io; asks for the password
  echo "$TOKEN" | ct login -u me --password-stdin ghcr.io
  ct login --cert-dir ./certs registry.example:5000

They are kept in ~/.docker/config.json, or by the credential helper that it names, and docker and podman use them, too.`;
