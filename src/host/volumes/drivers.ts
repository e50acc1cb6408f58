import { LibctError } from "../../errors.ts";
import { type Store, type Volume, volumeData } from "../../image/index.ts";
import type { Mount } from "../../spec/index.ts";

/** How a volume of a kind is shown to a container. */
export interface VolumeDriver {
  readonly type: string;
  /** Refuses options that cannot be meant, before anything is made. */
  check(options: Readonly<Record<string, string>>): void;
  /** What is mounted in its place. */
  mount(store: Store, volume: Volume): Pick<Mount, "type" | "source" | "options">;
}

const KNOWN: readonly string[] = ["type", "device", "o"];

/** A directory of the store; or with docker's options whatever mount(8) can mount: `type`, `device`, `o`. */
const local: VolumeDriver = {
  type: "local",
  check(options) {
    const unknown = Object.keys(options).find((key) => !KNOWN.includes(key));
    if (unknown !== undefined)
      throw wrong(`there is no option ${JSON.stringify(unknown)}`, `options are ${KNOWN.join(", ")}`);
    if (options.type !== undefined && options.device === undefined)
      throw wrong("a type needs a device", "--opt type=tmpfs --opt device=tmpfs --opt o=size=100m");
    if (options.type === undefined && (options.device ?? options.o) !== undefined)
      throw wrong("a device needs a type", "--opt type=none --opt o=bind --opt device=/srv/data is a directory");
  },
  mount(store, { name, options: { type, device = "", o = "" } }) {
    if (type === undefined) return { type: "bind", source: volumeData(store, name), options: ["rbind"] };
    const options = o.split(",").filter((option) => option !== "");
    const bind = type === "none" || options.includes("bind") || options.includes("rbind");
    return { type: bind ? "bind" : type, source: device, options };
  },
};

/** Memory: what is in it vanishes with each container. */
const tmpfs: VolumeDriver = {
  type: "tmpfs",
  check(options) {
    const unknown = Object.keys(options).find((key) => !TMPFS.includes(key));
    if (unknown !== undefined)
      throw wrong(`there is no option ${JSON.stringify(unknown)}`, `options are ${TMPFS.join(", ")}`);
  },
  mount: (_, { options }) => ({
    type: "tmpfs",
    source: "tmpfs",
    options: ["nosuid", "nodev", ...Object.entries(options).map(([key, value]) => `${key}=${value}`)],
  }),
};

const TMPFS: readonly string[] = ["size", "mode", "uid", "gid", "nr_inodes"];

/** One more is a line here. */
const DRIVERS: readonly VolumeDriver[] = [local, tmpfs];

export function volumeDriver(type: string): VolumeDriver {
  const driver = DRIVERS.find((one) => one.type === type);
  if (driver) return driver;
  throw wrong(`there is no driver ${JSON.stringify(type)}`, `drivers are ${DRIVERS.map((one) => one.type).join(", ")}`);
}

const wrong = (message: string, hint: string) => new LibctError("ERR_CT_USAGE", `volume: ${message}`, { hint });
