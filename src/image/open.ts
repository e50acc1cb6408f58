import type { Location } from "./location.ts";
import type { RegistryOptions } from "./registry/connect.ts";
import type { ImageDestination, ImageSource } from "./types.ts";

/** Opens an image where it is. What a transport needs is loaded with it. The source must be closed. */
export async function openSource(
  location: Location,
  options: RegistryOptions = {},
  signal?: AbortSignal,
): Promise<ImageSource> {
  switch (location.transport) {
    case "registry": {
      const { endpointsFor } = await import("./registry/mirrors.ts");
      const { registrySource } = await import("./registry/source.ts");
      return registrySource(location.reference, options, await endpointsFor(location.reference, options.env));
    }
    case "oci": {
      const { layoutSource } = await import("./formats/layout.ts");
      const { directoryMembers } = await import("./formats/members.ts");
      return layoutSource(directoryMembers(location.path), location.name);
    }
    case "oci-archive":
    case "docker-archive":
    case "archive":
      return (await import("./formats/open-archive.ts")).openArchive(location, signal);
    case "docker-daemon":
    case "containers-storage": {
      const { engineSource } = await import("./formats/engine.ts");
      return engineSource(location.transport === "docker-daemon" ? "docker" : "podman", location.name, signal);
    }
    case "tar":
      return (await import("./formats/single-layer.ts")).tarSource(location.path, signal);
    case "rootfs":
      return (await import("./formats/rootfs.ts")).rootfsSource(location.path, signal);
  }
}

/** Opens a place to copy an image to. It must be closed; an archive is whole only then. */
export async function openDestination(location: Location, options: RegistryOptions = {}): Promise<ImageDestination> {
  switch (location.transport) {
    case "registry":
      return (await import("./registry/destination.ts")).registryDestination(location.reference, options);
    case "oci":
      return (await import("./formats/layout.ts")).layoutDestination(location.path, location.name);
    case "oci-archive":
    case "archive":
      return (await import("./formats/open-archive.ts")).newArchive(location.path, location.name);
    case "docker-archive":
      return (await import("./formats/open-archive.ts")).newArchive(location.path, location.reference);
    case "docker-daemon":
    case "containers-storage": {
      const { engineDestination } = await import("./formats/engine.ts");
      return engineDestination(location.transport === "docker-daemon" ? "docker" : "podman", location.name);
    }
    case "rootfs":
    case "tar": {
      const { notWritable } = await import("./formats/single-layer.ts");
      throw notWritable(location.transport);
    }
  }
}
