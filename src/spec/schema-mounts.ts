import { flag, id, integer, list, object, oneOf, path, someText } from "./schema-base.ts";
import type { Device, IdMapping, Link, Mount } from "./types.ts";

/** An extent cannot be longer than all ids. */
const extentSize = integer(1, 4294967295);
const idMapping = object<IdMapping>({ containerID: id, hostID: id, size: extentSize }, {});
export const idMappings = list(idMapping, 1);

export const mount = object<Mount>(
  { destination: path },
  {
    type: someText,
    source: someText,
    options: list(someText),
    keepMode: flag,
    uidMappings: idMappings,
    gidMappings: idMappings,
  },
);

/** dev_t of the kernel: 12 bits of major, 20 of minor (<linux/kdev_t.h>). */
export const device = object<Device>(
  { path, type: oneOf<Device["type"]>({ c: true, b: true, u: true, p: true }) },
  {
    major: integer(0, 0xfff),
    minor: integer(0, 0xfffff),
    fileMode: integer(0, 0o7777, "permission bits only, in octal such as 0o666; `type` says the rest"),
    uid: id,
    gid: id,
  },
);

export const link = object<Link>({ path, target: someText }, {});
